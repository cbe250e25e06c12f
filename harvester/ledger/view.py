"""What reports read of the ledger; read only, also while it is in use."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, Self

from ..models import Survey
from ..states import State
from .bands import COUNT_BANDS, count_bands
from .file import open_to_read, remove_log
from .history import HISTORY_SINCE, read_band_history, read_host_history
from .host_facts import READ, as_facts
from .hosts import HOST
from .manifest_rows import read_manifest_rows
from .moves import read_product
from .tally import FETCHED, NEEDED, STAMPS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..models import HostFacts, Product
    from .bands import BandCounts
    from .history import BandMoment, HostMoment
    from .manifest_rows import ManifestRow

__all__ = ["FrameGroup", "FrameTargets", "LedgerView", "StampRow"]

#: First version of the ledger with the table ``host_fact``.
_HOST_FACTS = 4


class StampRow(NamedTuple):
    """A cutout that the ledger says is on disk."""

    survey: int
    target: int
    band: str
    product: int
    file_loc: str
    sha256: str
    size: int
    #: Part of its pixels that hold a value.
    coverage: float
    #: Where its galaxy is, ICRS degrees.
    ra: float
    dec: float


class FrameGroup(NamedTuple):
    """Frames to be fetched of which equally many stamps are wanted."""

    survey: int
    #: A mirror is asked before the archive.
    mirrored: bool
    #: Stamps wanted of each.
    stamps: int
    frames: int
    #: Frames of them whose length the archive states, and their bytes.
    sized: int
    size: float
    #: Frames of them that the archive says it does not have; their length is 0.
    missing: int = 0
    #: Of some of them the rows of their stamps, each the first and the one behind the
    #: last, as far as a caller knows them.
    rows: tuple[tuple[tuple[int, int], ...], ...] = ()


class FrameTargets(NamedTuple):
    """A frame to be fetched, and where the galaxies are that are wanted of it."""

    name: str
    band: str
    #: A mirror is asked before the archive.
    mirrored: bool
    #: ``s_region``, where the archive lists one.
    region: str | None
    #: ICRS degrees.
    ra: list[float]
    dec: list[float]


class LedgerView:
    """Queries of a ledger that another process may be writing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open it for reading; leave no log beside a ledger at rest.

        Raises
        ------
        LedgerError
            There is none, or it cannot be read by this version.
        """
        db = open_to_read(path)
        try:
            yield cls(db)
        finally:
            db.close()
            remove_log(path)

    def facts(self) -> dict[str, str]:
        """Give what the run is: hashes of catalogue and settings, and so on."""
        return dict(self._db.execute("SELECT key, value FROM run").fetchall())

    def host_states(self) -> dict[str, str]:
        """Give the state of each host as the owner of the run last wrote it."""
        return {
            key.removeprefix(HOST): state
            for key, state in self.facts().items()
            if key.startswith(HOST)
        }

    def host_facts(self) -> dict[str, HostFacts]:
        """Give what was learned of each host; ledgers before version 4 keep nothing."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return as_facts(self._db.execute(READ)) if version >= _HOST_FACTS else {}

    def surveys(self) -> dict[int, Survey]:
        """Give the surveys by their number."""
        rows = self._db.execute("SELECT number, name FROM survey ORDER BY number")
        return {number: Survey.parse(name) for number, name in rows}

    def positions(self, ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Give the positions, ICRS degrees, of those identifiers that the run has."""
        rows = self._db.execute(
            """
            SELECT id, ra, dec
            FROM target
            WHERE id IN (SELECT value FROM json_each(?))
            """,
            (json.dumps(list(ids)),),
        )
        return {name: (ra, dec) for name, ra, dec in rows}

    def count(self, table: str) -> int:
        """Tell how many rows ``target`` or ``reject`` has."""
        assert table in {"target", "reject"}
        count: int = self._db.execute(
            f"SELECT count(*) FROM {table}"  # noqa: S608 - one of two names
        ).fetchone()[0]
        return count

    def next_target(self) -> int:
        """Give the number that the next galaxy of the run would get."""
        (last,) = self._db.execute("SELECT max(number) FROM target").fetchone()
        return 0 if last is None else last + 1

    def count_cutouts(self) -> int:
        """Tell how many stamps are on disk."""
        return sum(counts[STAMPS] for counts in self.tallies().values())

    def states(self) -> dict[str, Counter[str]]:
        """Tell for each archive how many jobs are in each state."""
        surveys = self.surveys()
        states: dict[str, Counter[str]] = {
            survey.archive: Counter() for survey in surveys.values()
        }
        for number, counts in self.tallies().items():
            jobs = {state.value: counts[state] for state in State if counts[state]}
            states[surveys[number].archive].update(jobs)
        return states

    def tallies(self) -> dict[int, Counter[str]]:
        """Give for each survey the jobs in each state, and what else is counted."""
        tallies: dict[int, Counter[str]] = {n: Counter() for n in self.surveys()}
        for number, what, count in self._db.execute(
            "SELECT * FROM tally WHERE count > 0"
        ):
            tallies[number][what] = count
        return tallies

    def bands(self) -> list[BandCounts]:
        """Tell for each band of each survey how many targets are in each state."""
        tallies = self.tallies()
        if self._db.execute("PRAGMA user_version").fetchone()[0] < HISTORY_SINCE:
            for number, what, count in self._db.execute(COUNT_BANDS):
                tallies[number][what] = count
        return count_bands(self.surveys(), tallies)

    def band_history(self, since: float = 0) -> list[BandMoment]:
        """Give how far each band had come at moments after a time (Unix seconds)."""
        return read_band_history(self._db, since)

    def host_history(self, since: float = 0) -> list[HostMoment]:
        """Give what each host was asked at moments after a time (Unix seconds)."""
        return read_host_history(self._db, since)

    def routes(self) -> dict[str, dict[str, int]]:
        """Tell for each survey by which routes how many targets were looked up."""
        return self.counted("by")

    def counted(self, kind: str) -> dict[str, dict[str, int]]:
        """Give for each survey the counters of one kind, such as ``way`` of frames."""
        surveys = self.surveys()
        return {
            str(surveys[number]): {
                what.removeprefix(f"{kind} "): count
                for what, count in sorted(tally.items())
                if what.startswith(f"{kind} ")
            }
            for number, tally in self.tallies().items()
        }

    def image_bytes(self) -> dict[str, tuple[int, int]]:
        """Tell for each survey the bytes that were fetched of frames, and needed."""
        surveys = self.surveys()
        return {
            str(surveys[number]): (counts[FETCHED], counts[NEEDED])
            for number, counts in self.tallies().items()
        }

    def unlocated(self) -> dict[int, int]:
        """Tell for each survey how many targets are to be located, also again."""
        rows = self._db.execute(
            """
            SELECT survey, count(*)
            FROM job
            WHERE state = 'pending'
            GROUP BY survey
            """
        )
        return dict(rows.fetchall())

    def frames_to_come(self) -> list[FrameGroup]:
        """Give the frames that stamps are still wanted of, those alike together."""
        rows = self._db.execute(
            """
            SELECT survey, mirrored, stamps, count(*), count(size), total(size),
                count(iif(size = 0, 1, NULL))
            FROM (
                SELECT c.survey, p.mirrors <> '[]' AS mirrored, count(*) AS stamps,
                    p.size
                FROM cutout AS c
                JOIN job AS j ON j.survey = c.survey AND j.target = c.target
                JOIN product AS p ON p.number = c.product
                WHERE c.state = 'wanted' AND j.state = 'located'
                GROUP BY c.survey, c.product
            )
            GROUP BY survey, mirrored, stamps
            """
        )
        return [
            FrameGroup(survey, bool(mirrored), *counts)
            for survey, mirrored, *counts in rows
        ]

    def targets_to_come(self, survey: int) -> Iterator[FrameTargets]:
        """Give the frames that stamps are still wanted of, one after the other."""
        rows = self._db.execute(
            """
            SELECT c.product, p.name, p.band, p.mirrors <> '[]', o.region, t.ra, t.dec
            FROM cutout AS c
            JOIN job AS j ON j.survey = c.survey AND j.target = c.target
            JOIN target AS t ON t.number = c.target
            JOIN product AS p ON p.number = c.product
            LEFT JOIN offer AS o ON o.product = c.product
            WHERE c.survey = ? AND c.state = 'wanted' AND j.state = 'located'
            ORDER BY c.product
            """,
            (survey,),
        )
        for key, some in groupby(rows, itemgetter(0, 1, 2, 3, 4)):
            _, name, band, mirrored, region = key
            places = [row[5:] for row in some]
            ra, dec = [ra for ra, _ in places], [dec for _, dec in places]
            yield FrameTargets(name, band, bool(mirrored), region, ra, dec)

    def sample_to_come(self, survey: int, most: int) -> list[tuple[int, Product]]:
        """Give some products that stamps are wanted of, numbered: the same each time.

        They are drawn by a hash of their number, so that bands and skies mix.
        """
        name = self.surveys()[survey]
        rows = self._db.execute(
            """
            SELECT number, name, band, url, mirrors, size, ''
            FROM product
            WHERE number IN (
                SELECT product FROM cutout WHERE survey = ? AND state = 'wanted'
            )
            ORDER BY number * 2654435761 % 4294967296
            LIMIT ?
            """,
            (survey, most),
        )
        return [(row[0], read_product(name, row[1:])) for row in rows]

    def frames_fetched(self) -> list[tuple[int, int]]:
        """Give survey and frames that were fetched."""
        return self._db.execute(
            "SELECT survey, count(*) FROM product WHERE fetched = 1 GROUP BY survey"
        ).fetchall()

    def reasons(self) -> list[tuple[str, str, int]]:
        """Give archive, reason and number of the failed jobs, most first."""
        surveys = self.surveys()
        rows = self._db.execute(
            """
            SELECT survey, reason, count(*) AS jobs
            FROM job
            WHERE state = 'failed'
            GROUP BY survey, reason
            ORDER BY jobs DESC, reason
            """
        )
        return [
            (surveys[survey].archive, reason, jobs) for survey, reason, jobs in rows
        ]

    def hosts(self) -> list[tuple[str, int, int, float]]:
        """Give host, requests, bytes, and until when (Unix seconds) it cools down."""
        return self._db.execute(
            "SELECT name, requests, bytes, cooled_until FROM host ORDER BY name"
        ).fetchall()

    def rejects(self) -> list[tuple[int, str, str]]:
        """Give line, identifier and reason of the rows that were not taken."""
        return self._db.execute(
            "SELECT line, id, reason FROM reject ORDER BY line"
        ).fetchall()

    def stamps(self) -> Iterator[StampRow]:
        """Give every cutout that is said to be on disk."""
        rows = self._db.execute(
            """
            SELECT c.survey, c.target, c.band, c.product, c.file_loc, c.sha256, c.size,
                c.coverage, t.ra, t.dec
            FROM cutout AS c
            JOIN target AS t ON t.number = c.target
            WHERE c.state = 'done'
            """
        )
        return (StampRow(*row) for row in rows)

    def wanted_files(self) -> Iterator[str]:
        """Give the places of stamps that are still to be made."""
        rows = self._db.execute("SELECT file_loc FROM cutout WHERE state = 'wanted'")
        return (file_loc for (file_loc,) in rows)

    def manifest(self) -> Iterator[ManifestRow]:
        """Give one row per target and band, in catalogue order.

        Where all observations were asked for, a target has a row for each stamp.
        """
        return read_manifest_rows(self._db, self.surveys())

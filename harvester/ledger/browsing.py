"""What the status page asks a ledger, beside what reports read."""

from __future__ import annotations

from typing import NamedTuple

from .view import LedgerView

__all__ = [
    "BrowsingView",
    "FailedTarget",
    "LandedStamp",
    "SkyBox",
    "SkyCell",
    "SkyPoint",
]


class FailedTarget(NamedTuple):
    """A galaxy whose job failed."""

    number: int
    id: str
    #: ICRS degrees.
    ra: float
    dec: float
    attempts: int


class SkyBox(NamedTuple):
    """A part of the sky; ICRS degrees."""

    #: Negative if the box reaches over right ascension 0: then 350 counts as -10.
    ra: float
    dec: float
    #: Extent in right ascension and declination.
    width: float
    height: float


class SkyCell(NamedTuple):
    """The jobs of one state in one cell of a grid."""

    #: Cells from the box's least right ascension and declination.
    column: int
    row: int
    state: str
    jobs: int


class SkyPoint(NamedTuple):
    """The job of one galaxy in one survey."""

    id: str
    #: ICRS degrees.
    ra: float
    dec: float
    state: str


class LandedStamp(NamedTuple):
    """A stamp on disk, with what is needed to draw it."""

    target: int
    id: str
    #: ICRS degrees.
    ra: float
    dec: float
    survey: int
    band: str
    product: int
    file_loc: str
    #: Of the pixels, the part that has a value.
    coverage: float
    #: `StampFacts` as JSON; empty if they are not known.
    facts: str


class BrowsingView(LedgerView):
    """Short queries: each uses an index, or counts without giving rows."""

    def schema(self) -> int:
        """Give the version of the ledger's schema."""
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def failed_jobs(self) -> list[tuple[int, str, int]]:
        """Give number of the survey, reason and number of the failed jobs."""
        return self._db.execute(
            f"""
            SELECT survey, reason, count(*) AS jobs
            FROM job {self._failed_index()}
            WHERE state = 'failed'
            GROUP BY survey, reason
            ORDER BY jobs DESC, survey, reason
            """  # noqa: S608 - the name of an index
        ).fetchall()

    def _failed_index(self) -> str:
        """Name the index of failed jobs; the first ledgers had none."""
        names = "SELECT name FROM sqlite_master WHERE name = 'job_failed'"
        return "".join(f"INDEXED BY {name}" for (name,) in self._db.execute(names))

    def failed_targets(
        self, survey: int, reason: str, after: int, limit: int
    ) -> list[FailedTarget]:
        """Give the galaxies of one group of failures, in the catalogue's order.

        Parameters
        ----------
        after
            Number of the last target that is not given; -1 for the first ones.
        """
        rows = self._db.execute(
            f"""
            SELECT t.number, t.id, t.ra, t.dec, j.attempts
            FROM job AS j {self._failed_index()}
            CROSS JOIN target AS t ON t.number = j.target
            WHERE j.survey = ? AND j.state = 'failed' AND j.target > ? AND j.reason = ?
            ORDER BY j.target
            LIMIT ?
            """,  # noqa: S608 - the name of an index
            (survey, after, reason, limit),
        )
        return [FailedTarget(*row) for row in rows]

    def sky_extent(self) -> SkyBox | None:
        """Give the smallest box around all galaxies; None without any."""
        extents = [self._extent(reaches_over=flag) for flag in (False, True)]
        return min(filter(None, extents), key=lambda box: box.width, default=None)

    def _extent(self, *, reaches_over: bool) -> SkyBox | None:
        west, east, south, north = self._db.execute(
            f"SELECT min({_RA}), max({_RA}), min(dec), max(dec) FROM target AS t",  # noqa: S608 - a constant
            {"over": reaches_over},
        ).fetchone()
        if west is None:
            return None
        return SkyBox(west, south, east - west, north - south)

    def count_in(self, box: SkyBox) -> int:
        """Count the galaxies in a box."""
        query = f"SELECT count(*) FROM target AS t WHERE {_IN_BOX}"  # noqa: S608 - constants
        return int(self._db.execute(query, _edges(box)).fetchone()[0])

    def sky_cells(
        self, survey: int, box: SkyBox, columns: int, rows: int
    ) -> list[SkyCell]:
        """Count the jobs of a survey by cell and state, on a grid over a box.

        SQLite counts them: a million rows in Python would hold up the harvest.
        """
        found = self._db.execute(
            f"""
            SELECT min(:columns - 1, CAST(({_RA} - :west) * :per_ra AS INTEGER)),
                min(:rows - 1, CAST((t.dec - :south) * :per_dec AS INTEGER)),
                j.state, count(*)
            FROM job AS j
            CROSS JOIN target AS t ON t.number = j.target
            WHERE j.survey = :survey AND {_IN_BOX}
            GROUP BY 1, 2, 3
            """,  # noqa: S608 - constants
            {
                **_edges(box),
                "survey": survey,
                "columns": columns,
                "rows": rows,
                "per_ra": columns / box.width,
                "per_dec": rows / box.height,
            },
        )
        return [SkyCell(*row) for row in found]

    def sky_points(self, survey: int, box: SkyBox, limit: int) -> list[SkyPoint]:
        """Give the galaxies of a box and the states of their jobs in a survey."""
        found = self._db.execute(
            f"""
            SELECT t.id, {_RA}, t.dec, j.state
            FROM target AS t
            CROSS JOIN job AS j ON j.survey = :survey AND j.target = t.number
            WHERE {_IN_BOX}
            LIMIT :limit
            """,  # noqa: S608 - constants
            {**_edges(box), "survey": survey, "limit": limit},
        )
        return [SkyPoint(*row) for row in found]

    def first_rejects(self, most: int) -> list[tuple[int, str, str]]:
        """Give line, identifier and reason of the first rows that were not taken."""
        return self._db.execute(
            "SELECT line, id, reason FROM reject ORDER BY line LIMIT ?", (most,)
        ).fetchall()

    def stamps_evenly(self, survey: int, galaxies: int) -> list[LandedStamp]:
        """Give the stamps of some galaxies of a survey, evenly over the catalogue."""
        total = self.count("target")
        chosen: dict[int, None] = {}
        for place in range(galaxies):
            first = max([total * place // galaxies, *(one + 1 for one in chosen)])
            if (found := self._next_with_stamp(survey, first)) is None:
                break
            chosen[found] = None
        return [
            LandedStamp(*row)
            for target in chosen
            for row in self._db.execute(
                f"{_LANDED} WHERE t.number = ? ORDER BY c.band, c.product",
                (survey, target),
            )
        ]

    def _next_with_stamp(self, survey: int, first: int) -> int | None:
        row = self._db.execute(
            """
            SELECT target
            FROM cutout
            WHERE survey = ? AND target >= ? AND state = 'done'
            ORDER BY target
            LIMIT 1
            """,
            (survey, first),
        ).fetchone()
        return row[0] if row else None

    def landed(self, survey: int, stem: str, file_loc: str) -> LandedStamp | None:
        """Find the stamp that is in a file; None if the ledger has none there.

        ``stem``: of the galaxy's files.
        """
        row = self._db.execute(
            f"{_LANDED} WHERE t.stem = ? AND c.file_loc = ?",
            (survey, stem, file_loc),
        ).fetchone()
        return LandedStamp(*row) if row else None

    def stamp(
        self, survey: int, target: int, band: str, product: int
    ) -> LandedStamp | None:
        """Find a stamp by the key of its row."""
        row = self._db.execute(
            f"{_LANDED} WHERE t.number = ? AND c.band = ? AND c.product = ?",
            (survey, target, band, product),
        ).fetchone()
        return LandedStamp(*row) if row else None


#: Stamps of one survey that are on disk.
_LANDED = """
    SELECT t.number, t.id, t.ra, t.dec, c.survey, c.band, c.product, c.file_loc,
        c.coverage, c.facts
    FROM target AS t
    CROSS JOIN cutout AS c
        ON c.survey = ? AND c.target = t.number AND c.state = 'done'
"""


#: Right ascension of a target; see `SkyBox`.
_RA = "iif(:over AND t.ra > 180, t.ra - 360, t.ra)"

#: Whether a target is in a box, with the values of `_edges`.
_IN_BOX = f"{_RA} BETWEEN :west AND :east AND t.dec BETWEEN :south AND :north"


def _edges(box: SkyBox) -> dict[str, float]:
    return {
        "over": box.ra < 0,
        "west": box.ra,
        "east": box.ra + box.width,
        "south": box.dec,
        "north": box.dec + box.height,
    }

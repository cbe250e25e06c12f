"""The ledger: what has been done for which galaxy, in SQLite.

All SQL of the package is in the modules and the ``.sql`` files of this folder.
A method that records something returns after it is on disk.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

import aiosqlite

from ..models import Survey, Wanted
from ..states import State
from .connections import set_up
from .described import read_undescribed, write_facts
from .file import check_file
from .group_commit import GroupCommit
from .history import write_history
from .host_facts import read_host_facts, write_host_facts
from .hosts import (
    read_cool_downs,
    read_known_good,
    write_cool_down,
    write_host_states,
    write_troubles,
)
from .in_thread import in_thread
from .listing import read_listing, write_listing
from .located import located_rows, write_located
from .moves import (
    count_attempt,
    mark_fetched,
    record_receipt,
    record_samples,
    want_again,
)
from .run_facts import remove_run_fact, write_run_fact
from .runner import write_runner
from .substitutes import MISSED
from .taken_up import RetryChoice, check_ids, survey_numbers, take_up
from .upgrade import upgrade_ledger
from .waiting import START, read_due, read_next_due, read_pending, read_waited_for

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Container,
        Iterable,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from ..models import (
        Ask,
        Finding,
        HostFacts,
        Product,
        Receipt,
        Sample,
        Target,
    )
    from .history import HostNow
    from .listing import Offer
    from .runner import Runner
    from .waiting import Place

__all__ = ["Ledger"]

_ALL_FAILED = RetryChoice()


class Ledger:
    """Reads and writes the ledger, for the one process that owns the run."""

    def __init__(
        self,
        commits: GroupCommit,
        reader: aiosqlite.Connection,
        surveys: dict[str, int],
    ) -> None:
        self._commits = commits
        self._reader = reader
        self._surveys = surveys

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Self]:
        """Open the ledger of a run, of an earlier version too; one task commits.

        Raises
        ------
        LedgerError
            It is no ledger, is damaged, or is of a newer version; it is not touched.
        LocalError
            The disk is full or read-only, or another program holds it.
        """
        await in_thread(check_file, path)
        await in_thread(upgrade_ledger, path)
        async with (
            aiosqlite.connect(path, isolation_level=None) as writer,
            aiosqlite.connect(path, isolation_level=None) as reader,
        ):
            rows = await set_up(writer, reader)
            async with GroupCommit(writer) as commits:
                numbers = {str(name): int(number) for name, number in rows}
                yield cls(commits, reader, numbers)

    # -- locating --------------------------------------------------------------

    async def pending(
        self,
        survey: Survey,
        *,
        after: Place = START,
        limit: int,
        longest_s: float = math.inf,
    ) -> list[tuple[Place, Ask]]:
        """Give jobs to be located that are due, in sky order, each with its place.

        Give the last place as ``after`` for those that follow. A job is postponed for
        ``longest_s`` at most: one that is due later than that was postponed before the
        clock was set back, and is given too.
        """
        number = self._number(survey)
        return await read_pending(self._reader, number, after, limit, longest_s)

    async def record_located(
        self,
        survey: Survey,
        findings: Sequence[Finding],
        *,
        file_loc: Callable[[Survey, Target, Product, int], str],
        keep_all: bool,
    ) -> Counter[State]:
        """Record what an archive has for some targets; tell how many jobs went where.

        ``keep_all`` asks for a stamp from every product instead of the best.
        """
        number = self._number(survey)
        moved: Counter[State] = Counter()

        async def write(db: aiosqlite.Connection) -> None:
            rows = await asyncio.to_thread(
                located_rows, survey, findings, file_loc, keep_all=keep_all
            )
            moved.update(await write_located(db, number, rows))

        await self._commits.record(write)
        return moved

    async def undescribed(
        self, survey: Survey, *, after: int, limit: int
    ) -> list[tuple[int, Product]]:
        """Give wanted products without facts; see `read_undescribed`."""
        number = self._number(survey)
        return await read_undescribed(
            self._reader, number, survey, after=after, limit=limit
        )

    async def keep_facts(self, facts: Mapping[int, str]) -> None:
        """Keep what an archive told of products, by their numbers."""
        await self._commits.record(lambda db: write_facts(db, facts))

    async def keep_listing(self, survey: Survey, offers: Sequence[Offer]) -> None:
        """Keep all that an archive offers a survey, with the time it was asked."""
        number = self._number(survey)
        await self._commits.record(lambda db: write_listing(db, number, offers))

    async def keep_samples(
        self, archive: str, samples: Sequence[Sample], summary: str
    ) -> None:
        """Keep what an archive said of some products, and that it was asked."""

        async def write(db: aiosqlite.Connection) -> None:
            await record_samples(db, samples)
            await db.execute(
                "INSERT OR REPLACE INTO run VALUES (?, ?)",
                (f"samples {archive}", summary),
            )

        await self._commits.record(write)

    async def offers(self, survey: Survey) -> list[Offer] | None:
        """Give the kept listing of a survey; None if the archive was not asked."""
        return await read_listing(self._reader, self._number(survey), survey)

    # -- harvesting ------------------------------------------------------------

    def frames_due(
        self, survey: Survey, *, longest_s: float = math.inf
    ) -> AsyncIterator[tuple[int, Product]]:
        """Give the products that due jobs want stamps of, numbered, in sky order.

        One may come again while jobs still want it. ``longest_s`` as in `pending`.
        """
        return read_due(self._reader, self._number(survey), survey, longest_s)

    async def wanted(self, survey: Survey, product: int) -> list[Wanted]:
        """Give all stamps that are wanted of a product, in catalogue order.

        Those of postponed jobs too: once the frame is here, cutting them costs no
        request.
        """
        rows = await self._reader.execute_fetchall(
            f"""
            SELECT t.number, t.id, t.ra, t.dec, c.file_loc, coalesce({MISSED}, '')
            FROM cutout AS c INDEXED BY cutout_wanted
            CROSS JOIN job AS j ON j.survey = c.survey AND j.target = c.target
            CROSS JOIN target AS t ON t.number = c.target
            WHERE c.survey = ? AND c.product = ? AND c.state = 'wanted'
                AND j.state = 'located'
            ORDER BY c.target
            """,  # noqa: S608 - a constant
            (self._number(survey), product),
        )
        return [Wanted(*row) for row in rows]

    async def still_wanted(self, products: Iterable[Product]) -> set[tuple[str, str]]:
        """Give archive and name of those that jobs wait for, due or postponed."""
        return await read_waited_for(self._reader, self._surveys, products)

    async def record_receipts(
        self,
        survey: Survey,
        product: int,
        receipts: Sequence[Receipt],
        *,
        relocatable: Container[int] = (),
        needed: int = 0,
    ) -> Counter[State]:
        """Record what became of a frame's stamps; tell how many jobs went where.

        Parameters
        ----------
        relocatable
            Targets that are located again if the frame does not hold them.
        needed
            Bytes of the frame's file that the stamps are made of.
        """
        number = self._number(survey)
        moved: Counter[State] = Counter()

        async def write(db: aiosqlite.Connection) -> None:
            await mark_fetched(db, number, product, receipts, needed)
            for receipt in receipts:
                may_relocate = receipt.target in relocatable
                state = await record_receipt(
                    db, number, product, receipt, may_relocate=may_relocate
                )
                moved.update([state] if state else [])

        await self._commits.record(write)
        return moved

    async def postpone(
        self,
        survey: Survey,
        product: int,
        targets: Sequence[int],
        *,
        reason: str,
        attempts: int,
        longest_s: float,
    ) -> Counter[State]:
        """Count an attempt of jobs; try again later, or do without after ``attempts``.

        Then the next best product is wanted; a job that has none fails. The wait is
        2 s after the first attempt and doubles until ``longest_s``. No attempt of a job
        that is postponed already is counted: the failure is the next band of the same
        attempt.
        """
        number = self._number(survey)
        moved: Counter[State] = Counter()

        async def write(db: aiosqlite.Connection) -> None:
            for target in targets:
                state = await count_attempt(
                    db, number, product, target, reason=reason, attempts=attempts,
                    longest_s=longest_s,
                )  # fmt: skip
                moved.update([state] if state else [])

        await self._commits.record(write)
        return moved

    async def next_due(self, surveys: Sequence[Survey], *states: State) -> float | None:
        """Tell when (Unix seconds) the next job is due that is in one of the states.

        None: there is none. Without ``states`` pending and located jobs count.
        """
        numbers = [self._number(survey) for survey in surveys]
        states = states or (State.PENDING, State.LOCATED)
        return await read_next_due(self._reader, numbers, states)

    # -- what the user asks for ------------------------------------------------

    async def retry(self, choice: RetryChoice = _ALL_FAILED) -> Counter[str]:
        """Take failed jobs up again; count them by their archive.

        With `RetryChoice.better`, jobs with stamps of a second-best image instead.
        These stamps stay until there is a better one.

        Raises
        ------
        InputError
            There is no such survey or galaxy; nothing was changed.
        """
        count: Counter[int] = Counter()
        surveys = survey_numbers(self._surveys, choice.surveys)
        await check_ids(self._reader, choice.ids)

        async def write(db: aiosqlite.Connection) -> None:
            count.update(await take_up(db, choice, surveys))

        await self._commits.record(write)
        by_archive: Counter[str] = Counter()
        for name, number in self._surveys.items():
            by_archive[Survey.parse(name).archive] += count[number]
        return +by_archive

    async def send_back(self, lost: Sequence[tuple[int, int, str, int]]) -> None:
        """Ask again for cutouts ``(survey, target, band, product)`` that are gone.

        Pending jobs stay pending. A stamp that was to be replaced is not asked for.
        """
        await self._commits.record(partial(want_again, lost=lost))

    async def keep_fact(self, key: str, value: str) -> None:
        """Add to what the run is; a fact that is known already stays as it is."""
        await self._commits.record(partial(write_run_fact, key=key, value=value))

    async def forget_fact(self, key: str) -> None:
        """Remove what is no longer so."""
        await self._commits.record(partial(remove_run_fact, key=key))

    # -- hosts -------------------------------------------------------------------

    def count_traffic(self, host: str, requests: int, size: int) -> None:
        """Add to what a host was asked and sent; kept with the next commit."""
        self._commits.count_traffic(host, requests, size)

    def count(self, survey: Survey, what: str, number: int = 1) -> None:
        """Add to a counter of a survey, such as ``way ranges``; as `count_traffic`."""
        self._commits.count(self._number(survey), what, number)

    def keep_cool_down(self, host: str, until: float) -> None:
        """Keep until when (Unix seconds) a host must not be asked."""
        self._commits.enqueue(partial(write_cool_down, host=host, until=until))

    async def cool_downs(self) -> dict[str, float]:
        """Give the hosts that must not be asked yet, and until when (Unix seconds)."""
        return await read_cool_downs(self._reader)

    async def known_good(self) -> list[str]:
        """Give addresses of frames that have been fetched, one of each survey."""
        return await read_known_good(self._reader)

    def keep_host_states(self, states: Mapping[str, str]) -> None:
        """Replace what is kept of the hosts' states, with the next commit."""
        self._commits.enqueue(partial(write_host_states, states=states))

    def keep_host_facts(self, facts: Mapping[str, HostFacts]) -> None:
        """Keep what was learned of hosts, with the next commit."""
        self._commits.enqueue(partial(write_host_facts, facts=facts))

    async def host_facts(self) -> dict[str, HostFacts]:
        """Give what was learned of each host."""
        return await read_host_facts(self._reader)

    def keep_troubles(self, troubles: Sequence[str]) -> None:
        """Replace what is kept of why services were given up, with the next commit."""
        self._commits.enqueue(partial(write_troubles, troubles=troubles))

    def keep_runner(self, runner: Runner | None) -> None:
        """Replace what is kept of the harvest at work, with the next commit."""
        self._commits.enqueue(partial(write_runner, runner=runner))

    async def written(self) -> None:
        """Return when all that was to be kept with the next commit is on disk."""
        await self._commits.record(_nothing)

    def keep_history(self, hosts: Sequence[HostNow], now: float) -> None:
        """Add to the history how far the run has come, with the next commit."""
        self._commits.enqueue(partial(write_history, hosts=hosts, now=now))

    def _number(self, survey: Survey) -> int:
        return self._surveys[str(survey)]


async def _nothing(_db: aiosqlite.Connection) -> None:
    """Write nothing: earlier entries are committed with this one."""

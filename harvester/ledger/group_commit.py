"""Group commit: one task commits all that was recorded since its last commit.

A commit that survives a power cut (WAL with ``synchronous = FULL``) costs a flush of
the disk. Whatever is recorded while one is under way shares the next.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from ..errors import BusyError, LocalError
from .tally import add_to_tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiosqlite

    Write = Callable[[aiosqlite.Connection], Awaitable[None]]

__all__ = ["GroupCommit", "to_ours"]

#: The bits of SQLite's codes that say what kind of error it is.
_PRIMARY_CODE = 0xFF


class _Entry(NamedTuple):
    write: Write
    done: asyncio.Future[None]

    def tell(self, failure: Exception | None) -> None:
        """Wake the task that recorded it, unless it was cancelled meanwhile."""
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(failure)


class _Counts:
    """Requests and bytes of the hosts, and tallies, since the last commit."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._tallies: Counter[tuple[int, str]] = Counter()

    def add_traffic(self, host: str, requests: int, size: int) -> None:
        self._requests[host] += requests
        self._bytes[host] += size

    def add_to_tally(self, survey: int, what: str, count: int) -> None:
        self._tallies[survey, what] += count

    def add(self, other: _Counts) -> None:
        self._requests.update(other._requests)
        self._bytes.update(other._bytes)
        self._tallies.update(other._tallies)

    async def write(self, db: aiosqlite.Connection) -> None:
        await db.executemany(
            """
            INSERT INTO host (name, requests, bytes)
            VALUES (?, ?, ?)
            ON CONFLICT (name) DO UPDATE
            SET requests = requests + excluded.requests, bytes = bytes + excluded.bytes
            """,
            [(host, self._requests[host], size) for host, size in self._bytes.items()],
        )
        for (survey, what), count in self._tallies.items():
            await add_to_tally(db, survey, what, count)


class GroupCommit:
    """Owns the writing connection and writes what the others record."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._inbox: asyncio.Queue[_Entry] = asyncio.Queue()
        self._counts = _Counts()
        self._turn = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._committing = self._tasks.create_task(
            self._commit_forever(), name="ledger"
        )
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._committing.cancel()
        await asyncio.shield(self._commit(self._gathered()))
        await self._tasks.__aexit__(None, None, None)

    async def record(self, write: Write) -> None:
        """Return when what ``write`` does in its transaction is on disk.

        Raises
        ------
        LocalError
            The disk is full; nothing of it was kept.
        BusyError
            Another program has held the ledger for half a minute; likewise.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Entry(write, done))
        await done

    def count_traffic(self, host: str, requests: int, size: int) -> None:
        """Add to what a host was asked and sent; kept with the next commit."""
        self._counts.add_traffic(host, requests, size)

    def count(self, survey: int, what: str, count: int) -> None:
        """Add to a counter of a survey; kept with the next commit."""
        self._counts.add_to_tally(survey, what, count)

    def enqueue(self, write: Write) -> None:
        """Have something written with the next commit, without waiting for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Other writes fail alike and raise it.
        done.add_done_callback(lambda done: done.exception())
        self._inbox.put_nowait(_Entry(write, done))

    async def _commit_forever(self) -> None:
        while True:
            first = await self._inbox.get()
            # Shielded: a cancelled COMMIT would be neither done nor undone.
            await asyncio.shield(self._commit([first, *self._gathered()]))

    def _gathered(self) -> list[_Entry]:
        return [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]

    async def _commit(self, entries: list[_Entry]) -> None:
        failures: list[Exception | None]
        async with self._turn:
            counts, self._counts = self._counts, _Counts()
            try:
                await self._db.execute("BEGIN IMMEDIATE")
                # First: an entry may read them for the history.
                await counts.write(self._db)
                failures = [await self._attempt(entry.write) for entry in entries]
                await self._db.execute("COMMIT")
            except sqlite3.Error as error:
                with suppress(sqlite3.OperationalError):  # nothing to roll back
                    await self._db.execute("ROLLBACK")
                self._counts.add(counts)
                failures = [to_ours(error)] * len(entries)
        for entry, failure in zip(entries, failures, strict=True):
            entry.tell(failure)

    async def _attempt(self, write: Write) -> Exception | None:
        # A savepoint each: one that fails does not undo the others.
        await self._db.execute("SAVEPOINT entry")
        try:
            await write(self._db)
        except sqlite3.OperationalError:
            raise  # the disk or a lock: all of them fail
        except Exception as error:  # noqa: BLE001 - raised where it was recorded
            await self._db.execute("ROLLBACK TO entry")
            await self._db.execute("RELEASE entry")
            return error
        await self._db.execute("RELEASE entry")
        return None


def to_ours(error: sqlite3.Error) -> Exception:
    """Turn an error of SQLite into one of ours, by what to do about it."""
    # A lock or a full disk is this machine's trouble; anything else is our bug.
    if not isinstance(error, sqlite3.OperationalError):
        return error
    if error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:
        msg = f"another program holds the ledger ({error}): resume when it has let go"
        return BusyError(msg)
    msg = f"the ledger cannot be written ({error}): is the disk full?"
    return LocalError(msg)

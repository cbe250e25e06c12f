"""Compares what an object store has of a run with the ledger, which the manifest tells.

The listing gives names and sizes. An object whose ETag is the one that the store gave
for these bytes is the same; of others the SHA-256 is asked for. With ``deep`` every
object is read.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ...dataset.object_store.address import StoreAddress
from ...dataset.object_store.opening import need_library
from ...errors import InputError, first_of
from ...ledger.outbox import Outbox
from ...ledger.view import LedgerView
from ...places import Places
from ...settings.settings import read_file
from ..own_loop import run_in_own_loop
from .run_files import LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...dataset.object_store.objects import Objects
    from ...ledger.view import StampRow

__all__ = ["StoreFindings", "check_store", "store_of", "verify_store"]

#: Objects that are asked for at a time.
_AT_ONCE = 32


@dataclass(slots=True)
class StoreFindings:
    """The differences between a store and the ledger of its run."""

    address: str
    #: What `harvester resume` is told.
    run: str
    checked: int = 0
    #: Names of stamps that the store has not.
    missing: list[str] = field(default_factory=list)
    #: Names of stamps that have other bytes there.
    changed: list[str] = field(default_factory=list)
    #: Names of objects that the ledger does not know.
    unknown: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the store has all stamps as the ledger has them."""
        return not (self.missing or self.changed)

    def to_json(self) -> dict[str, object]:
        """Give the findings as JSON, for scripts."""
        return {
            "url": self.address,
            "checked": self.checked,
            "missing": self.missing,
            "changed": self.changed,
            "orphans": self.unknown,
        }

    def words(self) -> Iterator[str]:
        """Give the findings as lines of text, with what the user can do."""
        yield from (f"not in the store: {name}" for name in self.missing)
        yield from (f"other bytes in the store: {name}" for name in self.changed)
        yield from (f"not in the ledger, left alone: {name}" for name in self.unknown)
        yield (
            f"{self.address}: {self.checked} stamps checked, {len(self.missing)} "
            f"missing, {len(self.changed)} with other bytes"
        )
        if self.missing:
            yield f"To send what is missing, run: harvester resume {self.run}"
        if self.changed:
            yield "Remove the objects with other bytes; resume sends them again."


def store_of(places: Places) -> tuple[str, str]:
    """Give URL and endpoint of the store of a run; empty if it has none."""
    if not places.settings.exists():
        return "", ""
    section = read_file(places.settings).get("store", {})
    return str(section.get("url", "")), str(section.get("endpoint", ""))


def check_store(places: Places, *, deep: bool) -> StoreFindings | None:
    """Compare the store of a run with its ledger; None: the run has no store.

    Raises
    ------
    InputError
        The store refuses.
    TransientError
        It cannot be reached.
    """
    url, endpoint = store_of(places)
    if not url:
        return None
    need_library(f"comparing with {url}")
    found = StoreFindings(url, str(places.out))
    return _run(_Check(found, endpoint, places, deep=deep))


def verify_store(url: str, endpoint: str, *, deep: bool) -> StoreFindings:
    """Compare a store with the copy of the ledger that it has itself.

    ``endpoint``: its address; empty: as the environment says, or that of the cloud.

    Raises
    ------
    InputError
        There is no run, or the store refuses.
    TransientError
        It cannot be reached.
    """
    address = str(StoreAddress.parse(url))
    need_library(f"comparing with {address}")
    with TemporaryDirectory(prefix="harvester-") as folder:
        found = StoreFindings(address, address)
        return _run(_Check(found, endpoint, Places(Path(folder)), deep=deep))


def _run(check: _Check) -> StoreFindings:
    try:
        return run_in_own_loop(check.findings)
    except BaseExceptionGroup as group:
        raise first_of(group) from group


class _Check:
    def __init__(
        self, found: StoreFindings, endpoint: str, places: Places, *, deep: bool
    ) -> None:
        self._found = found
        self._address = StoreAddress.parse(found.address)
        self._endpoint = endpoint
        self._places = places
        self._is_deep = deep

    async def findings(self) -> StoreFindings:
        """Compare."""
        from ...dataset.object_store.objects import Objects

        objects = await Objects.open(
            self._address, endpoint=self._endpoint, is_writing=False
        )
        if not self._places.ledger.exists():
            await self._fetch_ledger(objects)
        # The outbox of the run has the listing of a harvest that may be at work.
        with (
            TemporaryDirectory(prefix="harvester-") as scratch,
            Outbox.open(Path(scratch) / "listing.sqlite") as outbox,
        ):
            # Before the ledger is read: every stamp that is listed is in it then.
            outbox.begin_listing()
            async for page in objects.list_all():
                outbox.keep_listed((one.name, one.size, one.e_tag) for one in page)
            await self._compare(objects, outbox)
            self._found.unknown = outbox.unknown(self._places.ledger)
        self._found.missing.sort()
        self._found.changed.sort()
        return self._found

    async def _fetch_ledger(self, objects: Objects) -> None:
        if await objects.fetch(LEDGER, self._places.ledger) is None:
            msg = f"{self._address} has no {LEDGER}: no run was sent there"
            raise InputError(msg)

    async def _compare(self, objects: Objects, outbox: Outbox) -> None:
        with (
            LedgerView.open(self._places.ledger) as view,
            Outbox.open(self._places.outbox) as own,
        ):
            rows = view.stamps()
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(self._some(rows, objects, outbox, own))

    async def _some(
        self, rows: Iterator[StampRow], objects: Objects, outbox: Outbox, own: Outbox
    ) -> None:
        # All of these tasks take from one iterator.
        for row in rows:
            self._found.checked += 1
            is_same = partial(self._is_same, row, objects, own)
            there = outbox.listed(row.file_loc)
            if there is None:
                self._found.missing.append(row.file_loc)
            elif there[0] != row.size or not await is_same(there[1]):
                self._found.changed.append(row.file_loc)

    async def _is_same(
        self, row: StampRow, objects: Objects, own: Outbox, e_tag: str
    ) -> bool:
        if self._is_deep:
            content = await objects.read(row.file_loc)
            return hashlib.sha256(content or b"").hexdigest() == row.sha256
        if own.sent(row.file_loc) == (row.sha256, e_tag):
            return True
        found = await objects.look(row.file_loc)
        return found is not None and await objects.sha256_of(found) == row.sha256

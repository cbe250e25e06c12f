"""Which frames stay on disk: sizes and last uses are kept in memory.

When the bytes of the budget are used up, frames that no job waits for are removed
first, then those that an earlier process has left, then those that jobs wait for; of
each the one whose last use is longest ago. A release costs the same however many frames
are kept: the folder is read once, and the ledger is asked about a few frames at a time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable
    from pathlib import Path

    from ..models import Product

    #: Of some products, archive and name of those that a job still waits for.
    StillWanted = Callable[[Collection[Product]], Awaitable[set[tuple[str, str]]]]

__all__ = ["FrameCache", "Kept", "StillWanted", "read_folder"]

#: Ends the name of a frame that is being removed.
_GONE = ".gone"

#: Ends of the names of files that are in the folder for a short time only.
_PASSING = frozenset({".part", ".pixels", _GONE})

#: Frames that the ledger is asked about at once.
_ASKED = 20


class Kept(NamedTuple):
    """A frame on disk that is not in use."""

    #: Bytes.
    size: int
    #: What frame it is; None of a file that an earlier process has left.
    product: Product | None = None


class FrameCache:
    """The frames on disk that are not in use, each group with the oldest use first.

    Parameters
    ----------
    left
        The files that an earlier process has left, by name, the oldest first.
    budget
        Bytes that may stay.
    removed
        Called with the name of each frame that is removed.
    """

    def __init__(
        self,
        folder: Path,
        left: dict[str, Kept],
        *,
        budget: int,
        still_wanted: StillWanted | None = None,
        removed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._budget = budget
        self._still_wanted = still_wanted
        self._removed = removed
        #: Used since the start, and not known to be waited for.
        self._used: dict[str, Kept] = {}
        self._left = left
        #: Those that jobs waited for when the ledger was asked.
        self._awaited: dict[str, Kept] = {}
        self._bytes = sum(kept.size for kept in left.values())

    def take(self, name: str) -> None:
        """Leave a frame alone from now on, because it is in use."""
        for group in (self._used, self._left, self._awaited):
            self._drop(name, group)

    def give_back(self, name: str, product: Product) -> None:
        """Count a frame that is no longer in use, unless its file is gone."""
        self.take(name)
        with suppress(FileNotFoundError):
            size = (self._folder / name).stat().st_size
            self._used[name] = Kept(size, product)
            self._bytes += size

    async def make_room(self) -> None:
        """Remove frames until the others fit in the budget."""
        gone: list[str] = []
        if self._still_wanted is not None:
            while self._is_over() and self._used:
                await self._remove_unwanted(self._used, self._still_wanted, gone)
        await self._remove_oldest(self._left, gone)
        await self._remove_oldest(self._used, gone)
        if self._still_wanted is not None and self._is_over() and self._awaited:
            # Jobs may have been given up since the ledger was asked.
            await self._remove_unwanted(self._awaited, self._still_wanted, gone)
        await self._remove_oldest(self._awaited, gone)
        if gone:
            await asyncio.to_thread(self._unlink, gone)

    def _is_over(self) -> bool:
        return self._bytes > self._budget

    async def _remove_unwanted(
        self, group: dict[str, Kept], still_wanted: StillWanted, gone: list[str]
    ) -> None:
        """Ask about the oldest frames of a group; remove what no job waits for."""
        asked = dict(islice(group.items(), _ASKED))
        products = [kept.product for kept in asked.values() if kept.product]
        wanted = await still_wanted(products)
        for name, kept in asked.items():
            if group.get(name) is not kept:
                continue  # it was used while the ledger was asked
            product = kept.product
            if product and (product.archive, product.name) in wanted:
                self._awaited[name] = kept
                if group is not self._awaited:
                    del group[name]
            elif self._is_over():
                self._remove(name, group, gone)

    async def _remove_oldest(self, group: dict[str, Kept], gone: list[str]) -> None:
        while self._is_over() and group:
            self._remove(next(iter(group)), group, gone)
            if len(gone) % _ASKED == 0:  # the budget may have been cut to a part
                await asyncio.sleep(0)

    def _remove(self, name: str, group: dict[str, Kept], gone: list[str]) -> None:
        """Take a frame out of its place at once, so that it is not used again."""
        self._drop(name, group)
        path = self._folder / name
        with suppress(FileNotFoundError):
            path.replace(path.with_name(name + _GONE))
        gone.append(name)
        self._removed(name)

    def _drop(self, name: str, group: dict[str, Kept]) -> None:
        if kept := group.pop(name, None):
            self._bytes -= kept.size

    def _unlink(self, names: Iterable[str]) -> None:
        # In a thread: the file system may take long to free a large file.
        for name in names:
            (self._folder / (name + _GONE)).unlink(missing_ok=True)


def read_folder(folder: Path) -> dict[str, Kept]:
    """Make the folder, remove what is not whole, and give the files that stay.

    A crash leaves files half written, and a power cut may have torn any that was
    written before the machine was started.

    Returns
    -------
    dict
        Each file by its name, the oldest first.

    Raises
    ------
    LocalError
        It cannot be made, read or written.
    """
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            status = path.stat()
            if path.suffix in _PASSING or status.st_mtime < started:
                path.unlink()
            else:
                found.append((status.st_mtime, path.name, status.st_size))
    except OSError as error:
        msg = f"frames cannot be kept in {folder}: {error.strerror}."
        raise LocalError(msg) from error
    return {name: Kept(size) for _, name, size in sorted(found)}

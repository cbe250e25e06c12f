"""The cache of frames on disk: which frames stay, and which are removed.

If the frames exceed the budget, those that no job needs are removed first, then those
of an earlier process, then those that jobs need; in each group the one used longest ago
first. Sizes and the order of use are kept in memory, and the ledger is queried for a
few frames at a time. So releasing a frame costs the same for any number of frames.
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

    #: Gives archive and name of those products that a job still needs.
    StillWanted = Callable[[Collection[Product]], Awaitable[set[tuple[str, str]]]]

__all__ = ["FrameCache", "Kept", "StillWanted", "read_folder"]

#: Suffix of a frame that is being removed.
_GONE = ".gone"

#: Suffixes of temporary files in the folder.
_TEMPORARY = frozenset({".part", ".pixels", _GONE})

#: Frames in one query of the ledger.
_ASKED = 20


class Kept(NamedTuple):
    """A frame on disk that is not in use."""

    #: Size in bytes.
    size: int
    #: The product; None for a file of an earlier process.
    product: Product | None = None


class FrameCache:
    """The frames on disk that are not in use.

    Parameters
    ----------
    left
        The files of an earlier process by name, oldest first.
    budget
        Bytes that may stay.
    removed
        Called with the name of each removed frame.
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
        #: Frames used by this process, by name; in each dict the oldest use is first.
        self._used: dict[str, Kept] = {}
        self._left = left
        #: Frames that jobs needed when the ledger was queried last.
        self._awaited: dict[str, Kept] = {}
        self._bytes = sum(kept.size for kept in left.values())

    def take(self, name: str) -> None:
        """Take a frame out of the cache, because it is in use."""
        for group in (self._used, self._left, self._awaited):
            self._drop(name, group)

    def give_back(self, name: str, product: Product) -> None:
        """Add a frame that is no longer in use, unless its file is gone."""
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
            # Jobs may have failed since the last query, so ask again.
            await self._remove_unwanted(self._awaited, self._still_wanted, gone)
        await self._remove_oldest(self._awaited, gone)
        if gone:
            await asyncio.to_thread(self._unlink, gone)

    def _is_over(self) -> bool:
        return self._bytes > self._budget

    async def _remove_unwanted(
        self, group: dict[str, Kept], still_wanted: StillWanted, gone: list[str]
    ) -> None:
        """Query the oldest frames of a group; remove those that no job needs."""
        asked = dict(islice(group.items(), _ASKED))
        products = [kept.product for kept in asked.values() if kept.product]
        wanted = await still_wanted(products)
        for name, kept in asked.items():
            if group.get(name) is not kept:
                continue  # it was used during the query
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
            # With a budget reduced since the last run there may be many.
            if len(gone) % _ASKED == 0:
                await asyncio.sleep(0)

    def _remove(self, name: str, group: dict[str, Kept], gone: list[str]) -> None:
        """Rename a frame at once, so that it is not used again; delete it later."""
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
        # This runs in a thread, because deleting a large file may take long.
        for name in names:
            (self._folder / (name + _GONE)).unlink(missing_ok=True)


def read_folder(folder: Path) -> dict[str, Kept]:
    """Make the folder, remove incomplete files, and give the files that stay.

    A crash leaves temporary files. Files from before the last boot may be damaged by a
    power cut, because they are not flushed.

    Returns
    -------
    dict
        The files by name, oldest first.

    Raises
    ------
    LocalError
        The folder cannot be made, read or written.
    """
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            status = path.stat()
            if path.suffix in _TEMPORARY or status.st_mtime < started:
                path.unlink()
            else:
                found.append((status.st_mtime, path.name, status.st_size))
    except OSError as error:
        msg = (
            f"frames cannot be kept in {folder}: {error.strerror}. Check the "
            "permissions of the output folder and the free space"
        )
        raise LocalError(msg) from error
    return {name: Kept(size) for _, name, size in sorted(found)}

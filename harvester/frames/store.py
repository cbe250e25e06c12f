"""Frames on disk: fetched once, verified, shared; `cache` removes the oldest ones.

A frame gets its name only when it is complete. So a frame on disk is used after a crash
of the process, but not after a reboot, because frames are not flushed to disk. A frame
that was removed is fetched again. If the pixels of a few stamps or the beginning of the
frame are enough, they are fetched into a file for a single use (``.pixels``). It is
removed afterwards, or at the next start after a crash.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import shutil
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Self

from ..errors import PermanentError, TransientError
from .cache import FrameCache, read_folder
from .parts import PartFetch
from .sources import Sources
from .ways import Ways

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

    from ..models import CutoutSpec, HeldPart, Product, Receipt, Wanted
    from ..transport.transport import Transport
    from .block_rounds import RunJob
    from .cache import Kept, StillWanted

    OnBytes = Callable[[int], None]

__all__ = ["FrameStore", "LocalFrame"]

_log = logging.getLogger(__name__)

_SUFFIX = re.compile(r"\.fits(\.bz2|\.gz|\.fz)?$")

#: Downloads with the same damaged bytes after which the archive's own file counts as
#: damaged.
_SAME_CORRUPT = 2

#: Most frames in quarantine.
_MOST_ASIDE = 20


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _ignore(_size: int) -> None:
    """Do not count bytes."""


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """A frame on this disk, or the part of it that some stamps need."""

    path: Path
    is_whole: bool
    #: Its version: ``etag:`` or ``sha256:`` and what the server or the bytes give.
    version: str = ""
    #: What it holds of the unpacked frame, if the file is plain and the frame is not.
    held: HeldPart | None = None


class FrameStore:
    """Fetches frames, and keeps them on disk within a budget."""

    def __init__(
        self,
        folder: Path,
        transport: Transport,
        left: dict[str, Kept],
        *,
        budget: int,
        still_wanted: StillWanted | None = None,
        patience_s: float = math.inf,
        ways: Ways | None = None,
        run: RunJob | None = None,
    ) -> None:
        """Take a folder, and the files ``left`` in it by name; `open` reads them."""
        self._folder = folder
        self._aside = folder.with_name("quarantine")
        self._transport = transport
        self._locks: dict[str, asyncio.Lock] = {}
        self._in_use: Counter[str] = Counter()
        self._numbers = count()
        #: File names of frames whose stamps could not be cut from a part of the frame.
        self._only_whole: set[str] = set()
        self._sources = Sources(transport, patience_s=patience_s)
        ways = ways or Ways(speed_of=transport.speed_of)
        self._parts = PartFetch(
            transport, self._sources, ways, run or asyncio.to_thread
        )
        #: Checksum of the last complete download, by file name.
        self._came: dict[str, str] = {}
        self._cache = FrameCache(
            folder, left, budget=budget, still_wanted=still_wanted, removed=self._forget
        )
        #: Versions of frames and of parts of them, by file name.
        self._versions: dict[str, str] = {}
        #: Checksums of all downloads that turned out corrupt, by file name.
        self._corrupt: dict[str, list[str]] = {}
        #: Why the archive's own file cannot be used, by file name.
        self._hopeless: dict[str, str] = {}

    @classmethod
    async def open(
        cls,
        folder: Path,
        transport: Transport,
        *,
        budget: int,
        still_wanted: StillWanted | None = None,
        patience_s: float = math.inf,
        ways: Ways | None = None,
        run: RunJob | None = None,
    ) -> Self:
        """Open a folder of frames that may keep ``budget`` bytes.

        Frames that kill workers are moved to the folder ``quarantine`` beside it.
        ``ways`` chooses how compressed frames are fetched, and ``run`` runs functions
        in a worker process (without it, in a thread).

        Raises
        ------
        LocalError
            The folder cannot be made, read or written.
        """
        left = await asyncio.to_thread(read_folder, folder)
        return cls(
            folder, transport, left,
            budget=budget, still_wanted=still_wanted, patience_s=patience_s,
            ways=ways, run=run,
        )  # fmt: skip

    @asynccontextmanager
    async def frame(
        self,
        product: Product,
        wanted: Sequence[Wanted] = (),
        spec: CutoutSpec | None = None,
        on_bytes: OnBytes = _ignore,
        *,
        sits_out: bool = True,
    ) -> AsyncIterator[LocalFrame]:
        """Fetch a frame unless it is on disk, and keep it during the block.

        With ``wanted`` and ``spec`` the file may hold the pixels of these stamps only.
        ``on_bytes`` is called with the number of bytes of each reply. ``sits_out``:
        whether to wait for the end of an outage.

        Raises
        ------
        NotFoundError
            Neither the archive nor a mirror has it.
        TransientError, PermanentError, LocalError
            As the transport raises them. ``corrupt_at_source``: it was discarded too
            often, and is not fetched again. ``too_large``: it is too large to be
            fetched whole, and no server serves ranges of it.
        """
        if words := self._hopeless.get(self._path(product).name):
            raise PermanentError("corrupt_at_source", words)
        product = self._sources.with_mirrors(product)
        if spec is not None and self._may_be_part(product):
            path = self._path(product)
            part = path.with_name(f"{path.stem}-{next(self._numbers)}.pixels")
            try:
                got = await self._parts.fetch(
                    product, part, wanted, spec, on_bytes, sits_out=sits_out
                )
                if got and not got.is_whole:
                    yield LocalFrame(part, False, got.version, got.held)
                    return
                if got:
                    whole = self._path(product)
                    await asyncio.to_thread(part.replace, whole)
                    self._came[whole.name] = got.sha256
                    self._versions[whole.name] = got.version
            finally:
                part.unlink(missing_ok=True)
        async with self._whole(product, on_bytes, sits_out=sits_out) as whole:
            yield LocalFrame(whole, is_whole=True, version=await self._version(whole))

    @asynccontextmanager
    async def _whole(
        self, product: Product, on_bytes: OnBytes, *, sits_out: bool
    ) -> AsyncIterator[Path]:
        path = self._path(product)
        self._in_use[path.name] += 1
        self._cache.take(path.name)
        try:
            async with self._locks.setdefault(path.name, asyncio.Lock()):
                if not path.exists():
                    got = await self._parts.download(
                        product, path, on_bytes, sits_out=sits_out
                    )
                    self._came[path.name] = got.sha256
                    self._versions[path.name] = got.version
            yield path
        finally:
            self._in_use[path.name] -= 1
            if not self._in_use[path.name]:
                del self._in_use[path.name]
                self._locks.pop(path.name, None)
                self._cache.give_back(path.name, product)
                await self._cache.make_room()

    def _forget(self, name: str) -> None:
        # A run may have 10^5 frames, so facts about removed ones are not kept.
        self._came.pop(name, None)
        self._versions.pop(name, None)

    async def _version(self, whole: Path) -> str:
        if whole.name not in self._versions:  # an earlier process fetched it
            self._versions[whole.name] = await asyncio.to_thread(_hash, whole)
        return self._versions[whole.name]

    def learn(
        self, product: Product, wanted: Iterable[Wanted], receipts: Iterable[Receipt]
    ) -> None:
        """Learn from the stamps of a frame in which rows those of others are."""
        self._parts.forecasts.learn(product, wanted, receipts)

    def discard(
        self,
        product: Product,
        frame: LocalFrame,
        error: TransientError | PermanentError,
    ) -> None:
        """Remove a frame that turned out bad; the next download is a whole one.

        Raises
        ------
        PermanentError
            ``corrupt_at_source``: two downloads had the same damage.
        TransientError, PermanentError
            ``error`` itself: the frame is too large to be fetched whole.
        """
        path = self._path(product)
        if product.name in self._parts.too_large:
            raise error
        self._only_whole.add(path.name)
        if not frame.is_whole or not path.exists():
            return
        path.unlink()
        # Several jobs may discard the same download, which counts once.
        sha256 = self._came.pop(path.name, "")
        if sha256 and error.reason == "corrupt":
            self._note_corrupt(product, sha256, error)

    def is_out_of_reach(self, product: Product) -> bool:
        """Whether it is not on disk, and all hosts that have it are down."""
        return not self._path(product).exists() and self._sources.are_down(product)

    def has_mirrors(self, product: Product) -> bool:
        """Whether hosts other than the archive's own may have the file."""
        return self._sources.has_mirrors(product)

    def is_down(self, product: Product) -> bool:
        """Whether the host of its archive is down."""
        return self._sources.is_archive_down(product)

    def put_aside(self, frame: LocalFrame) -> Path | None:
        """Copy a frame that kills workers to the quarantine, and give its path there.

        None if the quarantine is full, or cannot be written.
        """
        try:
            self._aside.mkdir(exist_ok=True)
            path = self._aside / frame.path.name
            if path.exists() or len(list(self._aside.iterdir())) < _MOST_ASIDE:
                path.unlink(missing_ok=True)
                path.hardlink_to(frame.path)
                return path
        except OSError as error:
            _log.warning(
                "the frame that ended a worker cannot be kept in %s: %s",
                self._aside,
                error.strerror,
            )
        return None

    def _note_corrupt(
        self, product: Product, sha256: str, error: TransientError | PermanentError
    ) -> None:
        name = self._path(product).name
        # The next copy comes from the archive itself.
        self._sources.refuse_copies(product)
        seen = self._corrupt.setdefault(name, [])
        seen.append(sha256)
        if seen.count(sha256) >= _SAME_CORRUPT:
            self._hopeless[name] = (
                f"{_SAME_CORRUPT} downloads had the same damage: {error}"
            )
            raise PermanentError("corrupt_at_source", self._hopeless[name]) from error

    async def clear(self) -> None:
        """Remove all frames, because no more stamps are to be cut."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _path(self, product: Product) -> Path:
        # Names from a server could be unsafe as paths, so a hash of the name is used.
        digest = hashlib.sha256(f"{product.archive} {product.name}".encode())
        suffix = _SUFFIX.search(product.name)
        return self._folder / (digest.hexdigest()[:24] + (suffix[0] if suffix else ""))

    def _may_be_part(self, product: Product) -> bool:
        whole = self._path(product)
        is_coming = whole.name in self._in_use or whole.exists()
        return whole.name not in self._only_whole and not is_coming

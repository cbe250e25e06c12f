"""Frames on disk: fetched once, shared, verified, evicted within a byte budget.

A frame is a cache: it may vanish between runs and is then fetched again. It
appears under its name only when it is whole, so a frame that is there after a
crash is used.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .cutouts.frame_file import verify_frame
from .errors import LocalError, PermanentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .models import Product
    from .transport.transport import Transport

__all__ = ["FrameStore"]

_SUFFIX = re.compile(r"\.fits(\.bz2|\.gz|\.fz)?$")


class FrameStore:
    """Holds the frames that are being cut, and as many more as the budget allows."""

    def __init__(self, folder: Path, transport: Transport, *, budget: int) -> None:
        """Take a folder of its own and the bytes that may stay in it."""
        self._folder = folder
        self._transport = transport
        self._budget = budget
        self._locks: dict[str, asyncio.Lock] = {}
        self._in_use: Counter[str] = Counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for part in folder.glob("*.part"):
                part.unlink()
        except OSError as error:
            msg = f"frames cannot be kept in {folder}: {error.strerror}."
            raise LocalError(msg) from error

    @asynccontextmanager
    async def frame(self, product: Product) -> AsyncIterator[Path]:
        """Fetch a frame unless it is here, and keep it while it is used.

        Raises
        ------
        NotFoundError
            Neither the archive nor a mirror has it.
        TransientError, PermanentError, LocalError
            As the transport raises them.
        """
        path = self._path(product)
        self._in_use[path.name] += 1
        try:
            async with self._locks.setdefault(path.name, asyncio.Lock()):
                if not path.exists():
                    await self._fetch(product, path)
            yield path
        finally:
            self._in_use[path.name] -= 1
            if not self._in_use[path.name]:
                del self._in_use[path.name]
                self._locks.pop(path.name, None)
                self._evict()

    def discard(self, product: Product) -> None:
        """Forget a frame that turned out bad."""
        self._path(product).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all frames: nothing is wanted of them any more."""
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)
        self._folder.rmdir()

    def _path(self, product: Product) -> Path:
        # The name that a server gave never becomes a path.
        digest = hashlib.sha256(f"{product.archive} {product.name}".encode())
        suffix = _SUFFIX.search(product.name)
        return self._folder / (digest.hexdigest()[:24] + (suffix[0] if suffix else ""))

    async def _fetch(self, product: Product, path: Path) -> None:
        for url in product.mirrors:
            try:
                await self._transport.download(url, path, check=verify_frame)
            except PermanentError:
                continue  # whatever the mirror says, the archive has the last word
            else:
                return
        await self._transport.download(product.url, path, check=verify_frame)

    def _evict(self) -> None:
        kept = []
        for path in self._folder.iterdir():
            if path.name not in self._in_use and path.suffix != ".part":
                status = path.stat()
                kept.append((status.st_mtime, status.st_size, path))
        excess = sum(size for _, size, _ in kept) - self._budget
        for _, size, path in sorted(kept):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size

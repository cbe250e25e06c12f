"""Files of the sandbox, rendered once: kept in memory, the oldest on disk."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FrameStore"]


class FrameStore:
    """Bytes by name, made when they are first asked for.

    Requests for a file that is being made wait for it. What does not fit in memory
    goes to a folder of its own, which `close` removes.
    """

    def __init__(self, memory_mb: int = 256) -> None:
        self._room = memory_mb * 1_000_000
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Lock] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="harvester-sandbox-"))

    async def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Give the file of that name; ``make`` is called in a thread if it is new."""
        if (body := self._recall(key)) is not None:
            return body
        async with self._making.setdefault(key, asyncio.Lock()):
            body = self._recall(key)
            if body is None:
                body = await asyncio.to_thread(self._load_or_make, key, make)
            await asyncio.to_thread(self._spill, self._hold(key, body))
        return body

    def close(self) -> None:
        """Forget everything."""
        self._held.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recall(self, key: str) -> bytes | None:
        body = self._held.get(key)
        if body is not None:
            self._held.move_to_end(key)
        return body

    def _load_or_make(self, key: str, make: Callable[[], bytes]) -> bytes:
        path = self._path(key)
        return path.read_bytes() if path.exists() else make()

    def _hold(self, key: str, body: bytes) -> list[tuple[str, bytes]]:
        """Keep a file in memory and give those that have to leave it."""
        self._held[key] = body
        self._held.move_to_end(key)
        leaving = []
        total = sum(map(len, self._held.values()))
        while total > self._room and len(self._held) > 1:
            oldest = self._held.popitem(last=False)
            total -= len(oldest[1])
            leaving.append(oldest)
        return leaving

    def _spill(self, leaving: list[tuple[str, bytes]]) -> None:
        for key, body in leaving:
            path = self._path(key)
            if not path.exists():
                part = path.with_suffix(f".{threading.get_ident()}")
                part.write_bytes(body)
                part.rename(path)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()

"""A cache of rendered files: the latest in memory, older ones on disk."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .kept_files import KeptFiles

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SandboxFrameStore"]


class SandboxFrameStore:
    """Files by name, each rendered when it is first asked for.

    Requests for a file that is being rendered wait for it. Files that do not fit in
    memory go to a temporary folder, which `close` removes.

    Parameters
    ----------
    kept
        What earlier sandboxes have rendered.
    """

    def __init__(self, memory_mb: float = 256, kept: KeptFiles | None = None) -> None:
        self._kept = kept or KeptFiles(None, "")
        self._room = int(memory_mb * 1_000_000)
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._holding = threading.Lock()
        # Two locks per file. Requests wait for the first without using a thread. If
        # the client whose request renders the file hangs up, the first lock is free
        # but its thread goes on: the second keeps another thread from rendering too.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._folder = Path(tempfile.mkdtemp(prefix="harvester-sandbox-"))

    async def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Give a file; if it is not there yet, call ``make`` in a thread."""
        if (body := self._recall(key)) is not None:
            return body
        async with self._turns[key]:
            making = self._making[key]
            return await asyncio.to_thread(self._obtain, key, make, making)

    def close(self) -> None:
        """Drop all files and remove the folder."""
        with self._holding:
            self._held.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _obtain(
        self, key: str, make: Callable[[], bytes], making: threading.Lock
    ) -> bytes:
        with making:
            if (body := self._recall(key)) is not None:
                return body
            path = self._path(key)
            is_here = path.exists()
            body = path.read_bytes() if is_here else self._kept.get(key, make)
            self._hold(key, body)
        return body

    def _recall(self, key: str) -> bytes | None:
        with self._holding:
            body = self._held.get(key)
            if body is not None:
                self._held.move_to_end(key)
        return body

    def _hold(self, key: str, body: bytes) -> None:
        """Keep a file in memory; move the oldest to disk if there is no room."""
        with self._holding:
            self._held[key] = body
            total = sum(map(len, self._held.values()))
            while total > self._room and len(self._held) > 1:
                oldest, gone = self._held.popitem(last=False)
                total -= len(gone)
                self._spill(oldest, gone)

    def _spill(self, key: str, body: bytes) -> None:
        path = self._path(key)
        if self._folder.exists() and not path.exists():
            path.write_bytes(body)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()

"""The body of a reply, read within limits.

aiohttp's own limits are not enough. A server that sends a byte now and then never hits
the read timeout: a lowest speed catches it. A reply without a length may never end, and
a compressed one may grow: the decoded bytes are counted.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import PermanentError, TransientError
from .address import shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import aiohttp

__all__ = ["LARGEST_FILE", "Body", "Limits"]

#: Bytes of the largest file that is fetched whole.
LARGEST_FILE = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how much and how often."""

    #: Seconds to find the host and shake hands.
    connect_s: float = 15.0
    #: Seconds from there to the head of the reply; a query has those of its service.
    answer_s: float = 180.0
    #: Seconds without a single byte of the body.
    silence_s: float = 60.0
    #: Seconds for the body, all in all.
    total_s: float = 900.0
    #: A body that comes slower than so many bytes per second ...
    floor_bytes_per_s: float = 10_000.0
    #: ... for so many seconds is given up.
    floor_window_s: float = 30.0
    #: Largest file, in decoded bytes.
    body_cap: int = LARGEST_FILE
    #: Largest reply to a query, in decoded bytes.
    json_cap: int = 64 * 2**20
    #: Tries of one request that fails by itself.
    tries: int = 4
    #: Redirects that are followed one after another.
    redirects: int = 5
    #: Seconds that a request waits for a host that is down ...
    patience_s: float = 7200.0
    #: ... and for one that refuses everything.
    refusal_patience_s: float = 60.0
    #: Seconds before a refusal that nothing has contradicted is looked into; the next
    #: time it is twice as long.
    doubt_s: float = 1.0
    #: Seconds that a server may go on with a query whose answer was not waited for.
    works_on_s: float = 600.0
    #: A file that arrives with the same bytes so often is broken at its source.
    same_corrupt: int = 3


class Body:
    """The body of a reply, read within the limits."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        limits: Limits,
        on_bytes: Callable[[int], None],
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> None:
        self._on_chunk = on_chunk
        self._response = response
        self._limits = limits
        self._on_bytes = on_bytes
        # Only time that the archive takes counts, not that of our own disk.
        self._silent_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0

    async def chunks(self, cap: int) -> AsyncGenerator[bytes]:
        """Give the decoded bytes as they come, up to ``cap`` of them."""
        size = 0
        while not self._response.content.at_eof():
            chunk = await self._next()
            size += len(chunk)
            if size > cap:
                msg = f"{shown(self._response.url)} sends more than {cap} bytes"
                raise PermanentError(reason="too_large", message=msg)
            self._on_bytes(len(chunk))
            if self._on_chunk:
                self._on_chunk(chunk)
            yield chunk

    async def _next(self) -> bytes:
        began = time.monotonic()
        chunk = b""
        try:
            async with asyncio.timeout(self._patience_s()) as limit:
                chunk = await self._response.content.readany()
        except TimeoutError:
            if not limit.expired():
                raise
        self._count(len(chunk), time.monotonic() - began)
        return chunk

    def _patience_s(self) -> float:
        limits = self._limits
        return min(
            limits.silence_s - self._silent_s,
            limits.floor_window_s - self._window_s,
        )

    def _count(self, size: int, waited_s: float) -> None:
        limits = self._limits
        self._silent_s = 0.0 if size else self._silent_s + waited_s
        self._window_s += waited_s
        self._window_bytes += size
        if self._silent_s >= limits.silence_s:
            raise self._slow("stalled", f"sent nothing for {limits.silence_s:g} s")
        if self._window_s >= limits.floor_window_s:
            # A window without a byte is silence, which has a limit of its own.
            floor = limits.floor_bytes_per_s * self._window_s
            if 0 < self._window_bytes < floor:
                what = f"sent {self._window_bytes} bytes in {self._window_s:.0f} s"
                raise self._slow("too_slow", what)
            self._window_s, self._window_bytes = 0.0, 0

    def _slow(self, reason: str, what: str) -> TransientError:
        return TransientError(reason, f"{shown(self._response.url)} {what}")

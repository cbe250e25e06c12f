"""Send the answer to one request, and count the bytes that were really sent.

If a client stops reading, or a fault cuts a body off, fewer bytes are sent than the
answer has. To count them, every body is written here in pieces.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from multidict import CIMultiDict

from .files import LazyBody
from .line import Line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Exchange", "body_of"]

#: Bytes that are handed to the socket at a time.
_PIECE = 64 * 1024
#: With limited bandwidth: seconds that a piece takes, and the interval at which the
#: socket's buffer is checked.
_BEAT_S = 0.01
#: Size of the kernel's send buffer with limited bandwidth. The default buffer takes
#: megabytes at once, and they would count as sent although the client hung up.
_KERNEL_BUFFER = 32 * 1024
#: With limited bandwidth: most bytes of a piece. The kernel's buffer must take all of
#: it at once, or each piece waits for the next check of the buffer.
_SMALL_PIECE = 16 * 1024
#: SO_LINGER on, 0 seconds: closing sends RST instead of FIN.
_LINGER = struct.pack("ii", 1, 0)


def body_of(response: web.StreamResponse) -> bytes:
    """Give the body of a response if it is held in memory, else empty bytes."""
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


class Exchange:
    """A request whose answer is on its way."""

    def __init__(
        self, request: web.Request, bandwidth: float = 0.0, line: Line | None = None
    ) -> None:
        """Take a request, and what limits its answer.

        Parameters
        ----------
        bandwidth
            Bytes a second of its connection; 0: no limit.
        line
            What all connections share; None: they have no limit together.
        """
        self.request = request
        self._bandwidth = bandwidth
        self._line = line or Line()
        self.response: web.StreamResponse | None = None
        #: Bytes of the body that were sent, and the Content-Length.
        self.sent = 0
        self.length = 0

    @property
    def status(self) -> int:
        """Status that was sent; 0 if the client never saw one."""
        return self.response.status if self.response else 0

    @property
    def is_file(self) -> bool:
        """Whether the answer is a file: only files have Accept-Ranges."""
        headers = self.response.headers if self.response else {}
        return hdrs.ACCEPT_RANGES in headers

    async def begin(
        self, like: web.StreamResponse, *, length: int | None, **headers: str
    ) -> None:
        """Start an answer with the status and headers of another one.

        Without a length the body is chunked, or ends with the connection where
        the client speaks HTTP/1.0.
        """
        kept = _without_length(like.headers)
        kept.update({name.replace("_", "-"): text for name, text in headers.items()})
        response = web.StreamResponse(
            status=like.status, reason=like.reason, headers=kept
        )
        if length is not None:
            response.content_length = self.length = length
        self.response = response
        if self._slowest and self.request.transport is not None:
            self.request.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER
            )
        await response.prepare(self.request)

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the client does not read."""
        assert self.response is not None
        slowest = self._slowest
        size = _PIECE
        if slowest:
            size = min(_SMALL_PIECE, max(1, int(slowest * _BEAT_S)))
        begin = asyncio.get_running_loop().time()
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            await self._line.carry(len(piece))
            await self.response.write(piece)
            self.sent += len(piece)
            if slowest:
                took = (start + len(piece)) / self._bandwidth if self._bandwidth else 0
                await self._keep_to(begin + took)

    @property
    def _slowest(self) -> float:
        """Bytes a second that the answer may have; 0: no limit."""
        limits = (self._bandwidth, self._line.bandwidth)
        return min((limit for limit in limits if limit), default=0.0)

    async def _keep_to(self, due: float) -> None:
        """Wait for a time, and until the socket has taken all that was written."""
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        transport = self.request.transport
        # aiohttp waits for the socket only every 64 kB.
        while transport and transport.get_write_buffer_size():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_BEAT_S)

    async def finish(self) -> web.StreamResponse:
        """End the body."""
        assert self.response is not None
        await self.response.write_eof()
        return self.response

    async def deliver(self, response: web.StreamResponse) -> web.StreamResponse:
        """Send a whole answer, unless its sending has begun."""
        if response is self.response or response.prepared:
            return response
        body = body_of(response)
        if isinstance(lazy := getattr(response, "body", None), LazyBody):
            return await self._deliver_lazy(response, lazy)
        if body and self.request.method != hdrs.METH_HEAD:
            await self.begin(response, length=len(body))
            await self.write(body)
            return await self.finish()
        self.response = response
        await response.prepare(self.request)
        await response.write_eof()
        return response

    async def _deliver_lazy(
        self, response: web.StreamResponse, body: LazyBody
    ) -> web.StreamResponse:
        await self.begin(response, length=body.size)
        if self.request.method != hdrs.METH_HEAD:
            async for piece in body.pieces():
                await self.write(piece)
        return await self.finish()

    def close(self) -> web.StreamResponse:
        """Close the connection once what was written has left."""
        if self.request.transport is not None:
            self.request.transport.close()
        return self.response or web.Response()

    def reset(self) -> web.StreamResponse:
        """Break the connection at once (RST)."""
        transport = self.request.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _LINGER
            )
            transport.abort()
        return self.response or web.Response()


def _without_length(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in (hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING):
        kept.pop(name, None)
    return kept

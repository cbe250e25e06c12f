"""Takes the end of a file and then its beginning, as two ranges of one reply.

A server that sends several ranges at a time sends them in the order in which they were
asked for. nginx and Apache do, if the ranges together are shorter than the file;
otherwise they send all of it from its beginning, which is taken as well.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..errors import TransientError
from .address import shown
from .intake import PartialFile
from .multipart import BadPartsError, Parts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    import aiohttp

    from .body import Body
    from .intake import Download, Enough
    from .multipart import PartPiece

__all__ = ["Ends", "TailFirstFile"]

_PARTIAL = 206
_WHOLE = re.compile(r"bytes 0-([0-9]{1,19})/([0-9]{1,19})")


class Ends(NamedTuple):
    """The two ends of a file that are asked for together."""

    #: Bytes of its beginning, which are streamed, and of its end.
    head: int
    tail: int


class TailFirstFile(PartialFile):
    """Takes the end of a file into memory, and then its beginning to disk.

    If more of the file is needed than its beginning, that comes later: the caller asks
    for it. A reply that breaks is resumed as any other.
    """

    def __init__(
        self,
        path: Path,
        cap: int,
        same_corrupt: int,
        check: Callable[[Path], None] | None,
        enough: Enough | None,
        ends: Ends,
    ) -> None:
        self._ends = ends
        self._tail = bytearray()
        self._gives_several: bool | None = None
        self._gives_ranges = True
        #: Whether a reply was no good, so that the file is asked for as usual.
        self._is_refused = False
        #: Whether only the beginning was asked for, and has come.
        self._is_short = False
        super().__init__(path, cap, same_corrupt, check, enough)

    def headers(self) -> Mapping[str, str]:
        """Ask for both ends, or for what is missing of a reply that broke."""
        usual = super().headers()
        if self._is_refused or "Range" in usual:
            return usual
        head, tail = self._ends
        return {**usual, "Range": f"bytes=-{tail},0-{head - 1}"}

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Take both ends, or the file from its beginning if the server sends that."""
        if self._size or "Range" not in self.headers():
            await super().take(response, body)
            return
        if response.status != _PARTIAL:
            # Of a file that is shorter than what is asked for every server sends all.
            is_long = (response.content_length or 0) > sum(self._ends)
            self._gives_several = False if is_long else None
            accepted = response.headers.get("Accept-Ranges", "")
            self._gives_ranges = accepted.lower() != "none"
            await super().take(response, body)
            return
        self._url, self._etag = str(response.url), response.headers.get("ETag", "")
        whole = _WHOLE.fullmatch(response.headers.get("Content-Range", ""))
        parts = Parts.of(response.headers)
        if whole and int(whole[1]) + 1 == int(whole[2]):
            self._begin_file(response, int(whole[2]))
            await self._read(body.chunks(self._cap))
        elif parts is not None:
            self._begin_file(response, None)
            self._gives_several = True
            try:
                await self._read(self._beginning(body.chunks(self._cap), parts))
            except BadPartsError as error:
                raise self._refuse(error) from error
        else:
            raise self._refuse(response.headers.get("Content-Range"))
        self._check_length()

    async def finish(self) -> Download:
        """Check the file and rename it."""
        got, tail = await super().finish(), bytes(self._tail)
        if len(tail) != min(self._ends.tail, got.total or 0):
            tail = b""  # it broke in the middle, or came twice
        got = replace(got, tail=tail, gives_ranges=self._gives_ranges)
        return replace(got, gives_several=self._gives_several)

    def restart(self) -> None:
        """Forget what came so far."""
        super().restart()
        self._tail.clear()
        self._is_short = False

    async def _beginning(
        self, chunks: AsyncGenerator[bytes], parts: Parts
    ) -> AsyncGenerator[bytes]:
        """Give the bytes of the beginning, and keep those of the end."""
        async with aclosing(chunks):
            async for chunk in chunks:
                for piece in parts.feed(chunk):
                    if self._is_of_end(piece):
                        self._tail += piece.content
                    else:
                        yield piece.content

    def _is_of_end(self, piece: PartPiece) -> bool:
        """Whether a piece is of the file's end, and not of its beginning."""
        if self._total is None:
            self._total = piece.total
            self._check_cap()
        head, tail = self._ends
        end = (max(0, piece.total - tail), piece.total)
        asked = {end, (0, min(head, piece.total))}
        if piece.part not in asked or piece.total != self._total:
            msg = f"bytes {piece.part} of {piece.total} were not asked for"
            raise BadPartsError(msg)
        return piece.part == end

    def _check_length(self) -> None:
        if self._is_enough or self._total is None or self._size == self._total:
            return
        self._is_short = self._size == self._ends.head
        if not self._is_short:
            msg = f"{shown(self._url)}: only {self._size} bytes of its beginning came"
            raise TransientError("truncated", msg)

    def _is_whole(self) -> bool:
        return super()._is_whole() and not self._is_short

    def _refuse(self, what: object) -> TransientError:
        self._is_refused, self._gives_several = True, False
        self.restart()
        msg = f"{shown(self._url)} was asked for two ranges, and sent others: {what}"
        return TransientError("bad_range", msg)

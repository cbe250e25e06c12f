"""A range of the bytes of a file, in memory: exactly what was asked for, or an error.

Not every server handles ranges as RFC 9110 says. If one sends the whole file, another
range, or a range of another version, the caller fetches the whole file instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import PermanentError, TransientError
from .address import shown
from .intake import validator_of
from .multipart import BadPartsError, Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import aiohttp

    from .body import Body

    OnHead = Callable[["RangeHead"], None]

__all__ = [
    "ByteRange",
    "RangeHead",
    "RangeIntake",
    "RangeRefusedError",
    "RangesIntake",
]

_PARTIAL = 206
#: Bytes of the head of a part, and of the end of all.
_PART_HEAD = 1024
#: A number with more digits is not a length in bytes.
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Some bytes of a file, and of which version of it."""

    body: bytes
    #: Length of the whole file in bytes.
    total: int
    #: Identifies the version of the file: an ETag or a date; empty if the server sends
    #: neither.
    validator: str


@dataclass(frozen=True, slots=True)
class RangeHead:
    """What is known of a file as soon as the reply about a range begins."""

    #: As in `ByteRange`.
    total: int
    validator: str


class RangeRefusedError(PermanentError):
    """The server does not give this range of this version: fetch the whole file.

    ``is_wrong``: it did send a part of the file, but not as it was asked for.
    """

    def __init__(self, message: str, *, is_wrong: bool = False) -> None:
        super().__init__("bad_range", message)
        self.is_wrong = is_wrong


class RangeIntake:
    """Takes the bytes from ``start`` to before ``stop``, or to the end of the file.

    ``on_head`` is called when a right reply begins, and once more for each retry.
    """

    def __init__(
        self, start: int, stop: int, validator: str, on_head: OnHead | None = None
    ) -> None:
        self._start = start
        self._stop = stop
        self._validator = validator
        self._on_head = on_head
        self._part: ByteRange | None = None

    def headers(self) -> Mapping[str, str]:
        """Ask for the range, and for the same version if one is known."""
        headers = {
            "Accept-Encoding": "identity",
            "Range": f"bytes={self._start}-{self._stop - 1}",
        }
        return headers | ({"If-Range": self._validator} if self._validator else {})

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the range, if the headers say that it is the right one."""
        where = shown(response.url)
        total = self._check(response)
        size = min(self._stop, total) - self._start
        if response.content_length not in {None, size}:
            msg = f"{where}: a range of {response.content_length} bytes, not {size}"
            raise RangeRefusedError(msg, is_wrong=True)
        validator = validator_of(response.headers)
        if self._on_head is not None:
            self._on_head(RangeHead(total, validator))
        try:
            content = b"".join([chunk async for chunk in body.chunks(size)])
        except PermanentError as error:  # it is longer than the range
            raise RangeRefusedError(str(error), is_wrong=True) from error
        if len(content) < size:
            msg = f"{where}: {len(content)} bytes came, not {size}"
            raise TransientError(reason="truncated", message=msg)
        self._part = ByteRange(content, total, validator)

    def out_of_range(self, what: str) -> RangeRefusedError:
        """Say that the file ends before the range begins."""
        return RangeRefusedError(what)

    async def finish(self) -> ByteRange:
        """Give the range."""
        assert self._part is not None
        return self._part

    def _check(self, response: aiohttp.ClientResponse) -> int:
        """Check that the right range follows; give the length of the whole file."""
        told = response.headers.get("Content-Range", "")
        match = _RANGE.fullmatch(told)
        validator = validator_of(response.headers)
        packed = response.headers.get("Content-Encoding", "identity") != "identity"
        if response.status == _PARTIAL and match and not packed:
            first, last, total = map(int, match.groups())
            is_asked = first == self._start and last + 1 == min(self._stop, total)
            if is_asked and self._validator in {"", validator}:
                return total
        msg = (
            f"{shown(response.url)} was asked for bytes {self._start} to {self._stop} "
            f"and answered {response.status} with {told!r}, version {validator!r}"
        )
        raise RangeRefusedError(msg, is_wrong=response.status == _PARTIAL)


class RangesIntake:
    """Takes several ranges of one version of a file, all in one reply.

    Parameters
    ----------
    spans
        The first byte of each and the one after its last, in order and apart.
    """

    def __init__(self, spans: Sequence[tuple[int, int]], validator: str) -> None:
        self._spans = spans
        self._validator = validator
        self._came: dict[int, bytearray] = {}

    def headers(self) -> Mapping[str, str]:
        """Ask for the ranges, and for the same version if one is known."""
        ranges = ",".join(f"{start}-{stop - 1}" for start, stop in self._spans)
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={ranges}"}
        return headers | ({"If-Range": self._validator} if self._validator else {})

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the parts, if they are those that were asked for."""
        where, parts = shown(response.url), Parts.of(response.headers)
        validator = validator_of(response.headers)
        is_same = self._validator in {"", validator}
        if response.status != _PARTIAL or parts is None or not is_same:
            msg = f"{where} was asked for several ranges, and sent {response.status}"
            raise RangeRefusedError(msg)
        self._came = {start: bytearray() for start, _ in self._spans}
        sizes = [stop - start + _PART_HEAD for start, stop in self._spans]
        try:
            async for chunk in body.chunks(sum(sizes) + _PART_HEAD):
                self._keep(parts, chunk)
        except (BadPartsError, PermanentError) as error:
            raise RangeRefusedError(str(error)) from error
        for start, stop in self._spans:
            if len(self._came[start]) != stop - start:
                msg = f"{where}: {len(self._came[start])} bytes, not {stop - start}"
                raise TransientError(reason="truncated", message=msg)

    def out_of_range(self, what: str) -> RangeRefusedError:
        """Say that the file ends before the ranges begin."""
        return RangeRefusedError(what)

    async def finish(self) -> dict[int, bytes]:
        """Give the bytes by their place."""
        return {start: bytes(content) for start, content in self._came.items()}

    def _keep(self, parts: Parts, chunk: bytes) -> None:
        for piece in parts.feed(chunk):
            if piece.part not in self._spans:
                msg = f"bytes {piece.part} were not asked for"
                raise BadPartsError(msg)
            self._came[piece.part[0]] += piece.content

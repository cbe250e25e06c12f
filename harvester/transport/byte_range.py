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

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from .body import Body

__all__ = ["ByteRange", "RangeIntake", "RangeRefusedError"]

_PARTIAL = 206
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


class RangeRefusedError(PermanentError):
    """The server does not give this range of this version: fetch the whole file.

    ``is_wrong``: it did send a part of the file, but not as it was asked for.
    """

    def __init__(self, message: str, *, is_wrong: bool = False) -> None:
        super().__init__("bad_range", message)
        self.is_wrong = is_wrong


class RangeIntake:
    """Takes the bytes from ``start`` to before ``stop``, or to the end of the file."""

    def __init__(self, start: int, stop: int, validator: str) -> None:
        self._start = start
        self._stop = stop
        self._validator = validator
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
        try:
            content = b"".join([chunk async for chunk in body.chunks(size)])
        except PermanentError as error:  # it is longer than the range
            raise RangeRefusedError(str(error), is_wrong=True) from error
        if len(content) < size:
            msg = f"{where}: {len(content)} bytes came, not {size}"
            raise TransientError(reason="truncated", message=msg)
        self._part = ByteRange(content, total, validator_of(response.headers))

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

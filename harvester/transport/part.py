"""A part of a file, taken into memory: exactly what was asked for, or a refusal.

Not every server does what RFC 9110 says of ranges. One that sends the whole file,
another part, or a part of another version is not asked again: whoever wanted the
part fetches the whole file, which needs no such trust.
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

__all__ = ["Part", "RangeRefusedError", "TakesPart"]

_PARTIAL = 206
#: With more digits than any length in bytes has, it is none.
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file, and which file that was."""

    body: bytes
    #: Length of the whole file in bytes.
    total: int
    #: What tells this version of the file from others: an ETag or a date; empty if
    #: the server sends neither.
    validator: str


class RangeRefusedError(PermanentError):
    """The server does not give this part of this version: fetch the whole file."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_range", message)


class TakesPart:
    """Takes the bytes from ``start`` to before ``stop``, or to the end of the file."""

    def __init__(self, start: int, stop: int, validator: str) -> None:
        self._start = start
        self._stop = stop
        self._validator = validator
        self._part: Part | None = None

    def headers(self) -> Mapping[str, str]:
        """Ask for the bytes of the version that is known, if one is."""
        headers = {
            "Accept-Encoding": "identity",
            "Range": f"bytes={self._start}-{self._stop - 1}",
        }
        return headers | ({"If-Range": self._validator} if self._validator else {})

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the part, if the head says that it is the right one."""
        where = shown(response.url)
        total = self._check(response)
        size = min(self._stop, total) - self._start
        if response.content_length not in {None, size}:
            msg = f"{where}: a part of {response.content_length} bytes, not {size}"
            raise RangeRefusedError(msg)
        try:
            content = b"".join([chunk async for chunk in body.chunks(size)])
        except PermanentError as error:  # it goes on after the part
            raise RangeRefusedError(str(error)) from error
        if len(content) < size:
            msg = f"{where}: {len(content)} bytes came, not {size}"
            raise TransientError(reason="truncated", message=msg)
        self._part = Part(content, total, validator_of(response.headers))

    def out_of_range(self, what: str) -> RangeRefusedError:
        """Say that the file is shorter than the part would need."""
        return RangeRefusedError(what)

    async def finish(self) -> Part:
        """Give the part."""
        assert self._part is not None
        return self._part

    def _check(self, response: aiohttp.ClientResponse) -> int:
        """See that the right part follows; give the length of the whole file."""
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
        raise RangeRefusedError(msg)

"""Several ranges of a file in one body (``multipart/byteranges`` of RFC 9110).

Each part says which bytes it holds, so that its end is counted and not searched.
"""

from __future__ import annotations

import re
from email.message import Message
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BadPartsError", "PartPiece", "Parts"]

_TYPE = "multipart/byteranges"

#: A number with more digits is not a length in bytes.
_PLACE = re.compile(
    rb"content-range:[ \t]*bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})[ \t]*",
    re.IGNORECASE,
)

#: Most bytes of the headers of a part.
_LONGEST_HEAD = 4096


class BadPartsError(Exception):
    """The body is no row of parts, each with its place."""


class PartPiece(NamedTuple):
    """Some bytes of a part."""

    #: Their place in the file.
    start: int
    content: bytes
    #: The range of the whole part: first byte and the one after the last.
    part: tuple[int, int]
    #: Length of the file in bytes.
    total: int


class Parts:
    """Splits a body into its parts."""

    def __init__(self, boundary: str) -> None:
        self._mark = b"--" + boundary.encode("ascii", "replace")
        self._buffer = bytearray()
        #: The part that is being read, the length of the file, and the next place.
        self._part = (0, 0)
        self._total = self._place = 0
        #: Whether the mark behind the last part has come.
        self.is_over = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Parts | None:
        """Make it for a reply; None if that has no parts."""
        message = Message()
        message["Content-Type"] = headers.get("Content-Type", "")
        boundary = message.get_boundary()
        if message.get_content_type() != _TYPE or not boundary:
            return None
        return cls(boundary)

    def feed(self, chunk: bytes) -> Iterator[PartPiece]:
        """Take the next bytes of the body; give those of the file among them.

        Raises
        ------
        BadPartsError
            They are no parts.
        """
        self._buffer += chunk
        while not self.is_over:
            if self._place < self._part[1]:
                if not self._buffer:
                    return
                yield self._take()
            elif not self._begin():
                return

    def _take(self) -> PartPiece:
        start, size = self._place, self._part[1] - self._place
        content = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._place += len(content)
        return PartPiece(start, content, self._part, self._total)

    def _begin(self) -> bool:
        """Read the head of a part; tell whether all of it has come."""
        start = self._buffer.lstrip(b"\r\n")
        if start.startswith(self._mark + b"--"):
            self.is_over = True
            return False
        head, found, rest = start.partition(b"\r\n\r\n")
        if len(head.rstrip(b"\r\n")) > _LONGEST_HEAD:
            msg = f"the headers of a part have more than {_LONGEST_HEAD} bytes"
            raise BadPartsError(msg)
        if not found:
            return False
        mark, *lines = head.split(b"\r\n")
        places = [match for line in lines if (match := _PLACE.fullmatch(line))]
        if mark.rstrip() != self._mark or len(places) != 1:
            msg = "a part does not tell its place"
            raise BadPartsError(msg)
        first, last, total = map(int, places[0].groups())
        if not first <= last < total:
            msg = f"a part has bytes {first} to {last} of {total}"
            raise BadPartsError(msg)
        self._part, self._total, self._place = (first, last + 1), total, first
        self._buffer = rest
        return True

"""Which bytes a Range header asks for, and several ranges in one body (RFC 9110)."""

from __future__ import annotations

import re
import zlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    #: First byte and the one after the last.
    ByteRange = tuple[int, int]

__all__ = ["RangeSupport", "asked_ranges", "content_range", "multipart"]

_SET = re.compile(r"bytes\s*=(.*)", re.IGNORECASE)
_ONE = re.compile(r"\s*(\d*)\s*-\s*(\d*)\s*")
#: With more ranges than this Apache sends the whole file.
_MOST = 200


class RangeSupport(StrEnum):
    """What a server does with ranges."""

    #: It sends the whole file, and says so with ``Accept-Ranges: none``.
    NONE = "none"
    #: It sends one range; asked for several it sends the whole file.
    ONE = "one"
    #: It sends several ranges as a body of several parts, as Apache and nginx do.
    SEVERAL = "several"

    @property
    def most(self) -> int:
        """Ranges that are sent at a time."""
        return {"none": 0, "one": 1}.get(self, _MOST)


def asked_ranges(header: str, length: int, most: int) -> list[ByteRange] | None:
    """Give the ranges of a file of so many bytes that a Range header asks for.

    None if the whole file is to be sent: there is no header, it is invalid, it has more
    than ``most`` ranges, or they are longer together than the file (as nginx has it).
    An empty list if the file has none of these bytes.
    """
    match = _SET.fullmatch(header)
    asked = [_ONE.fullmatch(text) for text in match[1].split(",")] if match else []
    if not 0 < len(asked) <= most:
        return None
    ranges = []
    for one in asked:
        found = _range_of(one[1], one[2], length) if one else None
        if found is None:
            return None
        ranges.append(found)
    if sum(stop - start for start, stop in ranges) > length:
        return None
    return [(start, stop) for start, stop in ranges if start < stop]


def _range_of(first: str, last: str, length: int) -> ByteRange | None:
    """Give a range within the file, empty if it lies behind it; None if invalid."""
    if not first:  # the last so many bytes
        return (max(0, length - int(last)), length) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(length, int(last) + 1) if last else length


def content_range(part: ByteRange, length: int) -> str:
    """Give the header Content-Range of a part."""
    return f"bytes {part[0]}-{part[1] - 1}/{length}"


def multipart(
    body: bytes, ranges: Sequence[ByteRange], content_type: str
) -> tuple[bytes, str]:
    """Put ranges of a file into one body; give it and its content type."""
    boundary = f"{zlib.crc32(body):08x}"
    joined = b"".join(_parts(body, ranges, content_type, boundary))
    return joined, f"multipart/byteranges; boundary={boundary}"


def _parts(
    body: bytes, ranges: Sequence[ByteRange], content_type: str, boundary: str
) -> Iterator[bytes]:
    for part in ranges:
        place = content_range(part, len(body))
        yield (
            f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: {place}\r\n\r\n"
        ).encode("ascii")
        yield body[slice(*part)]
    yield f"\r\n--{boundary}--\r\n".encode("ascii")

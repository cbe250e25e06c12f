"""The lines of a text, whatever its letters and its line ends are."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["encoding_of", "lines_of"]

#: Bytes that are decoded together.
_BLOCK = 1 << 20
#: Characters; Arrow takes no row that is longer than its blocks of 1 MB.
_LONGEST_LINE = 4 << 20
#: "\\r\\r\\n" comes from converting the line ends of a Windows file twice.
_LINE_END = re.compile(r"\r*\n|\r")


def encoding_of(file: BinaryIO) -> tuple[str, list[str]]:
    """Give the encoding of a text, and what to say of it."""
    encoding = "utf-8-sig"
    if file.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    try:
        for _ in _texts(file, encoding):
            pass
    except UnicodeDecodeError:
        return "latin-1", ["The text is not UTF-8; it was read as Latin-1."]
    return encoding, []


def _texts(file: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    while block := file.read(_BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def lines_of(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Give the lines one by one."""
    rest = ""
    for text in _texts(file, encoding):
        # What a line ends with may go on in the next block.
        whole = (rest + text).rstrip("\r")
        ends = (rest + text)[len(whole) :]
        *lines, rest = _LINE_END.split(whole)
        yield from lines
        rest += ends
        if len(rest) > _LONGEST_LINE:
            msg = "a line of it goes on for megabytes: it is no table"
            raise InputError(msg)
    yield from _LINE_END.split(rest)

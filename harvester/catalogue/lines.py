"""The lines of a text in any common encoding and with any line ends."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["encoding_of", "lines_of"]

#: Bytes that are decoded at a time.
_BLOCK = 1 << 20
#: Characters; a longer line is not part of a table. Arrow reads blocks of 1 MB, and
#: refuses a row that is longer than a block.
_LONGEST_LINE = 4 << 20
#: "\\r\\r\\n" occurs where the line ends of a Windows file were converted twice.
_LINE_END = re.compile(r"\r*\n|\r")


def encoding_of(file: BinaryIO) -> tuple[str, list[str]]:
    """Return the encoding of a text, and notes about it for the user."""
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
    """Yield the lines, without their line ends.

    Raises
    ------
    InputError
        A line is longer than 4 million characters.
    """
    rest = ""
    for text in _texts(file, encoding):
        # A line end of several characters may continue in the next block.
        whole = (rest + text).rstrip("\r")
        ends = (rest + text)[len(whole) :]
        *lines, rest = _LINE_END.split(whole)
        yield from lines
        rest += ends
        if len(rest) > _LONGEST_LINE:
            msg = "one of its lines is several megabytes long, so it is not a table"
            raise InputError(msg)
    yield from _LINE_END.split(rest)

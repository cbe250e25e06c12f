"""Blocks under test: any file, and a frame whose blocks are not as they should be.

Whatever is proved must be bytes of the frame; everything else has to end as a doubt.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent.parent / "cutouts"))

from block_frames import LAW, Rows, made_frame, start_of_image

from harvester.archives.block_law import DoubtError
from harvester.cutouts.blocks import steps
from harvester.cutouts.blocks.first_block import _read
from harvester.cutouts.blocks.packed import Packed
from harvester.cutouts.bz2_blocks import block_size
from harvester.cutouts.frame_file import BadFrameError, CorruptFrameError
from harvester.cutouts.intervals import merged

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["block_seeds", "blocks"]

#: Bytes of an edit, and of the block sizes that come before the edits.
_EDIT, _SIZES = 6, 14

_ROW = 4 * 2048


def blocks(data: bytes) -> None:
    """Read rows of a file that has these bytes, or of a frame with these edits."""
    if data[:1] == b"B":
        _any_file(data)
    else:
        _edited_frame(data[1:])


def _any_file(data: bytes) -> None:
    """Take the same bytes for every part of a file."""
    total, first = 2_000_000 + len(data), None
    wanted = steps.WantedRows(Rows((700, 740)))
    held = [(0, len(data))]
    for _ in range(8):
        parts = {
            start: (data * (1 + (stop - start) // len(data)))[: stop - start]
            for start, stop in held
        }
        answer = steps.advance(LAW, wanted, Packed(total, parts), first)
        if not isinstance(answer, steps.LackingBytes):
            assert isinstance(answer, steps.Doubt)
            return
        first, held = answer.first, merged([*held, *answer.spans])


class _Split:
    """A frame that is split at any places, in place of `NumberedBlocks`."""

    def __init__(self, unpacked: bytes, sizes: bytes) -> None:
        size, at, self.blocks = block_size(LAW.magic), 0, []
        for number, beyond in enumerate(sizes.ljust(_SIZES - 1, b"\x80")):
            stop = at + size + beyond - 128 + (0 if number else 3700)
            self.blocks.append(unpacked[at:stop])
            at = stop
        self.blocks.append(unpacked[at:])

    def lacking(self, *_group: int) -> list[tuple[int, int]]:
        """Lack nothing."""
        return []

    def unpack(self, first: int, last: int) -> list[bytes]:
        """Give some of them."""
        return self.blocks[first : last + 1]

    def size(self, *_group: int) -> int:
        """Count nothing."""
        return 0


def _edited_frame(data: bytes) -> None:
    content = bytearray(made_frame())
    for at in range(_SIZES, len(data) - _EDIT, _EDIT):
        _edit(content, data[at : at + _EDIT])
    split = _Split(bytes(content), data[: _SIZES - 1])
    row = data[_SIZES - 1] * 1449 // 255 if len(data) >= _SIZES else 700
    find = Rows((row, row + 40))
    try:
        first = _read(LAW, split.blocks[0], 0, find)
        answer = steps._prove(LAW, split, first, is_rest_wanted=bool(row % 2))
    except (DoubtError, BadFrameError, CorruptFrameError):
        return
    for place, piece in answer.pieces.items():
        assert content[place : place + len(piece)] == piece


@cache
def _headers() -> list[tuple[int, int]]:
    """Give the spans of the three headers."""
    unpacked = made_frame()
    starts = [0, unpacked.index(b"XTENSION"), unpacked.index(b"XTENSION= 'BIN")]
    return [(start, 2880) for start in starts]


def _edit(content: bytearray, edit: bytes) -> None:
    """Change some bytes of the pixels, of a header, or of what is behind the image."""
    kind, number, value = edit[0] % 4, int.from_bytes(edit[1:4]), edit[4]
    start, length = _headers()[number % 3]
    if kind == 0:
        at, size = start + number // 3 % length, 1
    elif kind == 1:
        at = start_of_image(content) + number % 12_000_000
        size = 1 + edit[5] * (1 + value)
    elif kind == 2:
        at = start_of_image(content) + _ROW * (number % 1480)
        size = 0
        moved = content[at + 4 * value : at + 4 * value + _ROW]
        content[at : at + _ROW] = moved
    else:
        at, size = len(content) - 1 - number % 220_000, 1 + edit[5]
    size = min(size, len(content) - at)
    content[at : at + size] = bytes([value]) * size


def block_seeds() -> Iterable[bytes]:
    """Give the beginning of a file, and a frame with usual and unusual blocks."""
    usual = bytes([128] * 13)
    yield b"BZh9\x31\x41\x59\x26\x53\x59" + bytes(60)
    yield b"B" + bytes(100)
    for row in (2, 10, 20, 60, 140, 200, 255):
        yield b"F" + usual + bytes([row])
    yield b"F" + bytes([130, 128, 128, 129, 128, 131]) + usual[6:] + bytes([140])
    yield b"F" + usual + bytes([150]) + b"\1\0\0\1\0\x20" + b"\0\0\0\x99 A" * 3
    yield b"F" + bytes([124, 132]) + usual[2:] + bytes([150]) + b"\2\0\0\1\7\0"
    yield b"F" + usual + bytes([150]) + b"\3\2\0\1\x7f\xf0" * 4

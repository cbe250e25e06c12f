"""Tells which bytes of a compressed frame are needed next, until its rows are proved.

One call takes what was fetched so far, and gives one of three answers: further bytes
are lacking, the wanted rows are proved, or there is a doubt. The caller fetches; this
module only computes.

Blocks from the beginning of the file on are placed by counting their bytes. Others lie
where nearly all blocks would have them, within some bytes: their pixels are made again
from the calibration and the sky in the last block, whose own place is certain.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ...archives.block_law import DoubtError
from ..bz2_blocks import block_size
from ..frame_file import BadFrameError, CorruptFrameError, Frame
from ..intervals import joined
from .first_block import FirstBlock, read_first
from .groups import GAP, MOST_BEYOND, groups_of, is_counted
from .numbered import NumberedBlocks
from .packed import LackingError
from .unpacked import Unpacked

if TYPE_CHECKING:
    from ...archives.block_law import BlockLaw
    from ..intervals import Span
    from .first_block import FindSpans
    from .packed import Packed

__all__ = ["Doubt", "LackingBytes", "Proved", "WantedRows", "advance", "needs_last"]

#: How a FITS extension begins.
_EXTENSION = b"XTENSION= '"


class WantedRows(NamedTuple):
    """What is wanted of a frame."""

    #: Finds the wanted bytes of the unpacked file.
    find: FindSpans
    #: Whether the HDUs behind the image are wanted too.
    is_rest_wanted: bool = False


class LackingBytes(NamedTuple):
    """Bytes of the compressed file to fetch next."""

    spans: tuple[Span, ...]
    #: What is known of the first block, to be passed on; None if it is not here yet.
    first: FirstBlock | None


class Proved(NamedTuple):
    """The wanted bytes of the unpacked file, and its header."""

    #: Bytes by their place.
    pieces: dict[int, bytes]
    #: Bytes of the unpacked file, as far as it may be read.
    length: int
    #: Bytes of the compressed file that were needed.
    needed: int


class Doubt(NamedTuple):
    """Why nothing is proved; the frame is read from its beginning instead."""

    #: Short code, which is counted.
    reason: str
    words: str


def advance(
    law: BlockLaw, asked: WantedRows, packed: Packed, first: FirstBlock | None = None
) -> LackingBytes | Proved | Doubt:
    """Take what was fetched so far; give the bytes that are lacking, or the result.

    Parameters
    ----------
    first
        What the last answer knew of the first block.
    """
    try:
        first = first or read_first(law, packed, asked.find)
        blocks = NumberedBlocks(law, packed, first.stop)
        return _prove(law, blocks, first, is_rest_wanted=asked.is_rest_wanted)
    except LackingError as error:
        return LackingBytes(error.spans, first)
    except DoubtError as error:
        return Doubt(error.reason, str(error))
    except (BadFrameError, CorruptFrameError) as error:
        return Doubt("unreadable", str(error))


def _prove(
    law: BlockLaw, blocks: NumberedBlocks, first: FirstBlock, *, is_rest_wanted: bool
) -> Proved:
    if not needs_last(law, first, is_rest_wanted=is_rest_wanted):
        return _count(law, blocks, first)
    groups, last = _groups(law, first), law.blocks - 1
    if groups[-1:] and groups[-1][1] == last:
        *groups, (begin, _) = groups
    else:
        begin = last
    _fetch_all(blocks, [*groups, (begin, last)])
    pieces = _place_all(law, blocks, first, groups, begin)
    return _result(first, pieces, blocks, [(0, 0), *groups, (begin, last)])


def needs_last(law: BlockLaw, first: FirstBlock, *, is_rest_wanted: bool) -> bool:
    """Whether the last block is needed: all blocks before the rows are too many."""
    return not is_counted(_groups(law, first), is_rest_wanted=is_rest_wanted)


def _count(law: BlockLaw, blocks: NumberedBlocks, first: FirstBlock) -> Proved:
    """Unpack all blocks up to the last wanted one: their places need no proof."""
    end = max((high for _, high in _groups(law, first)), default=0)
    _fetch_all(blocks, [(1, end)] if end else [])
    counted = {first.length: b"".join(blocks.unpack(1, end))} if end else {}
    return _result(first, counted, blocks, [(0, end)])


def _groups(law: BlockLaw, first: FirstBlock) -> list[Span]:
    return groups_of(law, first.length, first.wanted)


def _fetch_all(blocks: NumberedBlocks, groups: list[Span]) -> None:
    spans = list(chain.from_iterable(blocks.lacking(*group) for group in groups))
    if spans:
        raise LackingError(joined(spans, GAP))


def _place_all(
    law: BlockLaw,
    blocks: NumberedBlocks,
    first: FirstBlock,
    groups: list[Span],
    begin: int,
) -> dict[int, bytes]:
    """Unpack the blocks and prove their places; the last group begins at ``begin``."""
    *before, last = blocks.unpack(begin, law.blocks - 1)
    size = block_size(law.magic)
    place = _place_of_last(first, last)
    beyond = place - first.length - (law.blocks - 2) * size
    if not 0 <= beyond <= MOST_BEYOND:
        raise DoubtError("runs", f"the last block begins {beyond} bytes late")
    proof = law.proof(Frame(Unpacked({**first.kept, place: last})))
    proof.check(first.image[0], first.kept[0][first.image[0] :])
    proof.check(place, last[: first.image[1] - place])
    tail = b"".join([*before, last])
    pieces = {place + len(last) - len(tail): tail}
    least = 0
    for low, high in groups:
        unpacked = b"".join(blocks.unpack(low, high))
        guess = first.length + (low - 1) * size
        found = proof.find(guess + least, unpacked, beyond - least)
        least = found - guess
        pieces[found] = unpacked
    return pieces


def _place_of_last(first: FirstBlock, last: bytes) -> int:
    """Give the place of the last block, from the HDU behind the image in it."""
    at = last.find(_EXTENSION)
    if at < 0:
        raise DoubtError("calibration", "its last block holds no further HDU")
    return first.next_hdu - at


def _result(
    first: FirstBlock,
    pieces: dict[int, bytes],
    blocks: NumberedBlocks,
    used: list[Span],
) -> Proved:
    """Take the wanted bytes out of the pieces, and all behind the image."""
    unpacked = Unpacked({**first.kept, **pieces})
    found = {start: unpacked.bytes(start, stop) for start, stop in first.wanted}
    found[0] = first.kept[0][: first.image[0]]
    end = max((at + len(piece) for at, piece in pieces.items()), default=0)
    if end > first.next_hdu:
        found[first.next_hdu] = unpacked.bytes(first.next_hdu, end)
    needed = sum(blocks.size(*group) for group in used)
    return Proved(found, max(end, first.next_hdu), needed)

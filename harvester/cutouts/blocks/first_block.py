"""What the first block of a frame tells: its header, and the rows that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...archives.block_law import DoubtError
from ..astrometry import BadWcsError
from ..bz2_blocks import BadBlockError, unpack_block
from ..frame_file import BadFrameError, CorruptFrameError, Frame
from .packed import LackingError
from .unpacked import Unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...archives.block_law import BlockLaw
    from ..intervals import Span
    from .packed import Packed

    #: Gives the bytes of the unpacked file that are wanted of an open frame.
    FindSpans = Callable[[Frame], Sequence[Span]]

__all__ = ["FirstBlock", "read_first"]

#: Bit at which the first block starts: behind the header of the stream.
_FIRST_BIT = 32

#: Bytes of a further request if the first block is longer than expected, and the most
#: that are fetched of it.
_FURTHER, _LONGEST = 60_000, 600_000

#: Bytes at the beginning of the image that are compared with the calibration.
_WITNESS = 2**16


@dataclass(frozen=True, slots=True)
class FirstBlock:
    """What is known of a frame from its first block."""

    #: Bit of the compressed file at which it ends.
    stop: int
    #: Bytes that it holds.
    length: int
    #: The image in the unpacked file, and the next HDU behind its padding.
    image: Span
    next_hdu: int
    #: The wanted bytes of the unpacked file.
    wanted: tuple[Span, ...]
    #: The header, the beginning of the image, and what is wanted of this block, by
    #: their place.
    kept: dict[int, bytes]


def read_first(law: BlockLaw, packed: Packed, find: FindSpans) -> FirstBlock:
    """Unpack and read the first block.

    Raises
    ------
    DoubtError
        Rows of this frame cannot be proved; its header is another one or damaged.
    LackingError
        More of the file is needed.
    """
    part, starts = packed.parts.get(0, b""), packed.starts.get(0, [])
    if not part.startswith(law.magic) or starts[:1] != [_FIRST_BIT]:
        raise DoubtError("magic", "it does not begin as expected")
    if len(starts) == 1:
        if len(part) >= min(_LONGEST, packed.total):
            raise DoubtError("blocks", "its first block does not end")
        raise LackingError([(len(part), min(len(part) + _FURTHER, packed.total))])
    try:
        return _read(law, unpack_block(part, *starts[:2]), starts[1], find)
    except (BadBlockError, BadFrameError, BadWcsError, CorruptFrameError) as error:
        raise DoubtError("unreadable", str(error)) from error


def _read(law: BlockLaw, unpacked: bytes, stop: int, find: FindSpans) -> FirstBlock:
    frame = Frame(Unpacked({0: unpacked}))
    image = next(frame.hdus())
    law.check_image(image.values, image.cards)
    wanted = tuple(find(frame))
    kept = {0: unpacked[: image.start + _WITNESS]} | {
        start: unpacked[start:stop]
        for start, stop in wanted
        if start < len(unpacked) and stop > image.start + _WITNESS
    }
    place = (image.start, image.start + image.size)
    return FirstBlock(stop, len(unpacked), place, image.end, wanted, kept)

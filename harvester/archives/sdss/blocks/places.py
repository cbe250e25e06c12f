"""Where the bz2 blocks of an SDSS frame lie in the compressed file, about.

Each block holds the same number of bytes before compression. Their compressed size
grows or falls evenly along a frame, because the sky does not change fast. The last
block is not full: it holds the end of the image, calibration, sky and astrometry.
"""

from __future__ import annotations

__all__ = ["BLOCKS", "second_of", "start_of"]

#: Blocks of a frame.
BLOCKS = 14

#: Compressed size of the last block, in sizes of the others: it holds less, but its
#: tables pack less well than pixels.
_LAST = 1.03


def start_of(number: int, second: float, total: int) -> float:
    """Give the byte at which a block is expected to start; see `BlockLaw.start`."""
    if number == 0:
        return 0.0
    if number >= BLOCKS:
        return float(total)
    # The sizes are second + j * growth for j = 0 to 12, and last the factor above.
    growth = (total - (BLOCKS - 1 + _LAST) * second) / (
        (BLOCKS - 2) * (BLOCKS - 1) / 2 + (BLOCKS - 1) * _LAST
    )
    return second + (number - 1) * second + growth * number * (number - 1) / 2


def second_of(total: int) -> float:
    """Give the byte at which block 1 is expected to start; see `BlockLaw.second`.

    In thirteen real frames blocks are expected with it within 43 kB of where they are,
    and with the true size of the first block within 51 kB.
    """
    return total / (BLOCKS - 1 + _LAST)

"""Only the beginning of a frame that was packed by bz2: up to the last needed row.

The frame is fetched as ever, by one request, and watched as it comes. Its first block
holds the header, which tells which rows are needed; every further block holds as many
bytes as the one before, so that counting them tells when those rows are here. Then the
connection is closed.

Nothing is proved by counting: that is for the cutting, which compares the checksum of
every block that it uses. What was left too early, or looks odd, is fetched whole.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

from ..archives.kind import Fetch
from ..archives.registry import kind_of
from ..cutouts.astrometry import BadWcsError
from ..cutouts.bz2_blocks import BlockScan, block_size
from ..cutouts.frame_bytes import open_bytes
from ..cutouts.frame_file import BadFrameError, CorruptFrameError, Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..models import Product

__all__ = ["Prefix", "expected_part", "has_prefix"]

_log = logging.getLogger(__name__)

#: Galaxies of a frame up to which its beginning is fetched. With n of them anywhere in
#: it, n / (n + 1) of its 3.5 MB are needed, and half a block: 0.54, 0.71, 0.79 of it
#: with 1, 2, 3, and 0.84 with 4. The rest has to be worth a new connection, two or
#: three round trips and a slow start or some 0.3 s at 100 ms, in which a connection
#: at 2 MB/s carries 0.6 MB: what is saved with 4.
_MOST_GALAXIES = 3

#: Bytes by which a block may unpack to fewer than bz2 puts in it. In real frames it is
#: 3 at most; where it is more, the whole frame is fetched.
_SLACK = 1000


def has_prefix(product: Product, galaxies: int) -> bool:
    """Whether the beginning of this file is worth more than the whole."""
    is_packed = product.name.endswith(".fits.bz2") and galaxies <= _MOST_GALAXIES
    return is_packed and kind_of(product.archive).fetch is Fetch.BEGINNING


def expected_part(galaxies: int) -> float:
    """Tell which part of a packed frame is fetched, on average, for so many galaxies.

    They lie anywhere in it, and it comes in 14 blocks.
    """
    if galaxies > _MOST_GALAXIES:
        return 1.0
    return min(1.0, galaxies / (galaxies + 1) + 0.5 / 14) if galaxies else 0.0


class Prefix:
    """Watches a frame come, and tells when the needed rows are here.

    Parameters
    ----------
    find_end
        Tells of an open frame where in the unpacked file the last needed row ends.
    """

    def __init__(self, find_end: Callable[[Frame], int]) -> None:
        self._find_end = find_end
        self.restart()

    def restart(self) -> None:
        """Forget what came so far: the frame comes anew."""
        self._scan = BlockScan()
        #: The file up to the end of its first block, until it was looked at.
        self._first = bytearray()
        self._starts = 0
        #: Whole blocks that hold the needed rows; None while that is not known.
        self._needed: int | None = None
        self._gave_up = False

    def add(self, data: bytes) -> bool:
        """Take the next bytes; say whether the blocks that are whole now will do."""
        if self._gave_up:
            return False
        starts = self._scan.feed(data)
        if self._starts and any(start.is_first for start in starts):
            # Another stream: the last block of the one before may hold any number.
            self._gave_up = True
            return False
        self._starts += len(starts)
        if self._needed is None:
            self._first += data
            if self._starts > 1:
                self._count_needed()
        return self._needed is not None and self._starts > self._needed

    def _count_needed(self) -> None:
        first, self._first = bytes(self._first), bytearray()
        try:
            end = self._find_end(Frame(open_bytes(io.BytesIO(first), is_whole=False)))
        except (BadFrameError, BadWcsError, CorruptFrameError) as error:
            _log.info("a frame is fetched whole: %s", error)
            self._gave_up = True
            return
        self._needed = -(-end // (block_size(first) - _SLACK))

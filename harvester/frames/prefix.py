"""Fetches only the beginning of a frame compressed by bz2, up to the last needed row.

The frame is requested whole, and its blocks are counted as they come. The first block
holds the header, from which the needed rows follow. All blocks but the last unpack to
about the same number of bytes, so the count tells when these rows have come. Then the
connection is closed.

The count is not a proof: the worker checks the checksum of every block that it uses. If
too few bytes have come, or the blocks are unusual, the frame is fetched whole. So it is
if the inverse variance is wanted: what the noise depends on is behind the image.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

from ..cutouts.astrometry import BadWcsError
from ..cutouts.bz2_blocks import BlockScan, block_size
from ..cutouts.frame_bytes import open_bytes
from ..cutouts.frame_file import BadFrameError, CorruptFrameError, Frame
from ..models import Plane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Prefix", "expected_part", "is_early"]

_log = logging.getLogger(__name__)

#: Most galaxies in a frame for which only its beginning is fetched. With n galaxies at
#: random positions, n / (n + 1) of its 3.5 MB and half a block are needed: 0.54, 0.71
#: and 0.79 of it with 1, 2 and 3, and 0.84 with 4. Closing the connection costs a new
#: one: two or three round trips and a slow start, some 0.3 s at 100 ms. At 2 MB/s that
#: is 0.6 MB, as much as is saved with 4 galaxies.
_MOST_GALAXIES = 3

#: Bytes by which a block may be shorter than bz2's block size when unpacked. In real
#: frames it is at most 3; with more, the whole frame is fetched.
_SLACK = 1000


def is_early(galaxies: int, planes: Collection[Plane]) -> bool:
    """Whether the beginning of a frame is enough, and cheaper than all of it."""
    return galaxies <= _MOST_GALAXIES and Plane.IVAR not in planes


def expected_part(galaxies: int, planes: Collection[Plane]) -> float:
    """Give the mean fraction of a compressed frame that is fetched for some galaxies.

    They are assumed to be at random positions, and the frame to have 14 blocks.
    """
    if not is_early(galaxies, planes):
        return 1.0
    return min(1.0, galaxies / (galaxies + 1) + 0.5 / 14) if galaxies else 0.0


class Prefix:
    """Counts the blocks of a frame as it comes, until the needed rows are here.

    Parameters
    ----------
    find_end
        Gives the offset in the unpacked file at which the last needed row ends.
    """

    def __init__(self, find_end: Callable[[Frame], int]) -> None:
        self._find_end = find_end
        self.restart()

    def restart(self) -> None:
        """Forget what came so far, because the transfer starts again."""
        self._scan = BlockScan()
        #: The bytes up to the end of the first block, until it was read.
        self._first = bytearray()
        #: Number of blocks that contain the needed rows; None if it is not known.
        self.needed: int | None = None
        self._gave_up = False
        #: Bits at which the blocks start that have come.
        self.starts: list[int] = []

    def add(self, data: bytes) -> bool:
        """Take the next bytes; tell whether enough complete blocks have come."""
        if self._gave_up:
            return False
        starts = self._scan.feed(data)
        if self.starts and any(start.is_first for start in starts):
            # A second bz2 stream: the last block of the first may have any size, so
            # that counting blocks does not work.
            self._gave_up = True
            return False
        self.starts += [start.bit for start in starts]
        if self.needed is None:
            self._first += data
            if len(self.starts) > 1:
                self._count_needed()
        return self.is_enough

    @property
    def is_enough(self) -> bool:
        """Whether enough complete blocks have come."""
        return self.needed is not None and len(self.starts) > self.needed

    def _count_needed(self) -> None:
        first, self._first = bytes(self._first), bytearray()
        try:
            end = self._end_in(first)
        except (BadFrameError, BadWcsError, CorruptFrameError) as error:
            _log.info(
                "a frame is fetched whole, because its header cannot be used: %s", error
            )
            self._gave_up = True
            return
        self.needed = -(-end // (block_size(first) - _SLACK))

    def _end_in(self, first: bytes) -> int:
        """Find the end of the last needed row from the first block."""
        return self._find_end(Frame(open_bytes(io.BytesIO(first), is_whole=False)))

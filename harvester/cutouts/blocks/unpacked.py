"""Unpacked pieces of a frame at their places, with the interface of a frame's bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...archives.block_law import DoubtError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Unpacked"]


class Unpacked:
    """Pieces of a FITS file; bytes that none of them holds are doubtful.

    Parameters
    ----------
    pieces
        Bytes by their place in the file.
    """

    is_packed = False
    read = 0

    def __init__(self, pieces: Mapping[int, bytes]) -> None:
        self._pieces = pieces
        self._end = max((at + len(piece) for at, piece in pieces.items()), default=0)

    def check_room(self, end: int) -> None:
        """Accept any size: the length of the file may not be known yet."""

    def holds(self, place: int) -> bool:
        """Return whether the known part of the file reaches this far."""
        return place < self._end

    def prove(self, stop: int, start: int = 0) -> None:
        """Do nothing: the checksums of the blocks were verified."""

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes that one of the pieces holds."""
        return np.frombuffer(self.bytes(start, stop), np.uint8)

    def bytes(self, start: int, stop: int) -> bytes:
        """Return bytes; they may lie in several pieces that touch each other."""
        found = b""
        while start + len(found) < stop:
            here = start + len(found)
            piece = next((x for x in self._pieces.items() if _has(x, here)), None)
            if piece is None:
                raise DoubtError("edge", f"byte {here} is not in the unpacked blocks")
            found += piece[1][here - piece[0] : stop - piece[0]]
        return found


def _has(piece: tuple[int, bytes], place: int) -> bool:
    return piece[0] <= place < piece[0] + len(piece[1])

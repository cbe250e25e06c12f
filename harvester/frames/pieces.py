"""The bytes of a remote file that have come so far, read like the bytes of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..cutouts.frame_file import CorruptFrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..transport.transport import ByteRange

__all__ = ["Pieces", "UnheldError"]


class UnheldError(Exception):
    """A header at ``start`` is needed that was not fetched yet."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class Pieces:
    """The fetched bytes of a remote file, with the interface of a frame's bytes."""

    is_packed = False
    read = 0

    def __init__(self, first: ByteRange) -> None:
        #: Fetched bytes by their offset in the file.
        self.held: dict[int, bytes] = {0: first.body}
        #: Headers that are only assumed, by their offset; `take` gives them as well.
        self.assumed: dict[int, bytes] = {}
        self.validator = first.validator
        self.total = first.total
        #: Offset after the last byte that stamps may need.
        self.end = first.total

    def check_room(self, end: int) -> None:
        """Check that the file is as long as its headers say.

        Raises
        ------
        CorruptFrameError
            It is shorter.
        """
        if end > self.total:
            msg = f"it has {self.total} bytes, but its header requires {end}"
            raise CorruptFrameError(msg)

    def holds(self, place: int) -> bool:
        """Whether stamps may need bytes from this offset on."""
        return place < self.end

    def prove(self, stop: int, start: int = 0) -> None:  # noqa: ARG002 - the protocol's signature
        """Check only the length: the file is not compressed."""
        self.check_room(stop)

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Give bytes that are held or assumed.

        Raises
        ------
        UnheldError
            They are not here.
        CorruptFrameError
            The file ends before them.
        """
        self.check_room(stop)
        for begin, piece in (*self.held.items(), *self.assumed.items()):
            if begin <= start and stop <= begin + len(piece):
                return np.frombuffer(piece, np.uint8, stop - start, start - begin)
        raise UnheldError(start)

    def is_end(self, place: int) -> bool:
        """Whether one of the pieces ends at this offset."""
        return any(start + len(one) == place for start, one in self.held.items())

    def keep_headers(self, start: int, content: bytes) -> None:
        """Keep those fetched bytes that replace an assumed header."""
        for begin, cards in self.assumed.items():
            if start <= begin and begin + len(cards) <= start + len(content):
                at = begin - start
                self.held[begin] = content[at : at + len(cards)]

"""What an archive knows of its bz2 frames: where blocks lie, and how to prove it.

Blocks of bz2 are independent of each other, so those without wanted rows need neither
be fetched nor unpacked. Then it is not known how many bytes the skipped blocks hold.
They hold about the same number, and an archive may have a way to prove the exact one.

Whatever is doubtful raises a `DoubtError`: then the frame is read from its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .reading import OpenFrame
    from .row_forecast import RowForecast

__all__ = ["BlockLaw", "BlockProof", "DoubtError"]


class DoubtError(Exception):
    """The place of some pixels in their frame is not proved.

    ``reason`` is a short code, such as ``phase``: it is counted.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class BlockProof(Protocol):
    """Proves where unpacked bytes lie, from what one frame tells about its making."""

    def check(self, place: int, unpacked: bytes) -> None:
        """Check that these bytes of the image lie where they are said to.

        Raises
        ------
        DoubtError
            They do not, or they are too few to tell.
        """
        ...

    def find(self, guess: int, unpacked: bytes, most: int) -> int:
        """Find where unpacked blocks lie in the file.

        Parameters
        ----------
        guess
            Their place in bytes if every skipped block holds the usual number.
        most
            Bytes by which they may lie behind that.

        Raises
        ------
        DoubtError
            Not exactly one place is possible.
        """
        ...


class BlockLaw(Protocol):
    """How the frames of an archive are packed in blocks."""

    #: Number of blocks, and the first bytes of the file.
    blocks: int
    magic: bytes
    #: Bytes of the first request: in nearly all frames they hold the first block.
    first_request: int
    #: Bytes of the end of the file: in nearly all frames they hold the last block.
    tail: int
    #: Bytes of the beginning that are asked for together with that end: both are
    #: shorter together than nearly all frames.
    head: int
    #: Bytes around the expected start of a block in which it nearly always is.
    slack: int
    #: Rows of the image, and bytes of the unpacked file before it and in each row, as
    #: they nearly always are.
    rows: int
    header: int
    row: int

    def check_image(self, values: Mapping[str, str], cards: bytes) -> None:
        """Check that the header is that of a frame whose places can be proved.

        Parameters
        ----------
        values
            The cards of the header of the image, as text without quotes.
        cards
            The same header as it is in the file.

        Raises
        ------
        DoubtError
            It is another one.
        """
        ...

    def start(self, number: int, second: float, total: int) -> float:
        """Give the byte at which a block is expected to start.

        Parameters
        ----------
        number
            That of the block, from 0; the number of blocks gives the end of the file.
        second
            Byte at which block 1 starts.
        total
            Length of the file in bytes.
        """
        ...

    def second(self, total: int) -> float:
        """Give the byte at which block 1 is expected to start.

        Parameters
        ----------
        total
            Length of the file in bytes.
        """
        ...

    def forecast(self) -> RowForecast:
        """Make the estimate of rows for one harvest; it knows nothing of it yet."""
        ...

    def proof(self, frame: OpenFrame) -> BlockProof:
        """Make the proof from the HDUs behind the image.

        Raises
        ------
        DoubtError
            The frame lacks what the proof needs.
        """
        ...

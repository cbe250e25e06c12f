"""How SDSS frames are packed in blocks; implements `BlockLaw`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .header import check_image
from .places import BLOCKS, start_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...block_law import BlockProof
    from ...reading import OpenFrame

__all__ = ["SdssBlocks"]


class SdssBlocks:
    """How SDSS frames are packed in blocks."""

    blocks = BLOCKS
    magic = b"BZh9"
    first_request = 292_000
    tail = 300_000
    head = 2_650_000
    slack = 40_000

    def check_image(self, values: Mapping[str, str], cards: bytes) -> None:
        """Accept images of the usual size, with rounded pixels."""
        check_image(values, cards)

    def start(self, number: int, second: float, total: int) -> float:
        """Give where a block is expected to start."""
        return start_of(number, second, total)

    def proof(self, frame: OpenFrame) -> BlockProof:
        """Make the proof from the calibration and the sky."""
        from .making import Making
        from .proof import PixelProof

        (image,) = islice(frame.hdus(), 1)
        return PixelProof(Making.of(frame), image.start)

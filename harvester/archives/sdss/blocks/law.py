"""How SDSS frames are packed in blocks; implements `BlockLaw`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .header import COLUMNS, ROWS, check_image
from .places import BLOCKS, second_of, start_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...block_law import BlockProof
    from ...reading import OpenFrame
    from ...row_forecast import RowForecast

__all__ = ["SdssBlocks"]


class SdssBlocks:
    """How SDSS frames are packed in blocks."""

    blocks = BLOCKS
    magic = b"BZh9"
    first_request = 292_000
    tail = 300_000
    head = 2_650_000
    slack = 40_000
    rows = ROWS
    header = 8640
    row = 4 * COLUMNS

    def check_image(self, values: Mapping[str, str], cards: bytes) -> None:
        """Accept images of the usual size, with rounded pixels."""
        check_image(values, cards)

    def start(self, number: int, second: float, total: int) -> float:
        """Give where a block is expected to start."""
        return start_of(number, second, total)

    def second(self, total: int) -> float:
        """Give where block 1 is expected to start."""
        return second_of(total)

    def forecast(self) -> RowForecast:
        """Estimate rows from other fields of the run."""
        from ..row_forecast import SdssRows

        return SdssRows()

    def proof(self, frame: OpenFrame) -> BlockProof:
        """Make the proof from the calibration and the sky."""
        from .making import Making
        from .proof import PixelProof

        (image,) = islice(frame.hdus(), 1)
        return PixelProof(Making.of(frame), image.start)

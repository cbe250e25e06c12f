"""Which SDSS frames have pixels whose place can be proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...block_law import DoubtError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "ROWS", "check_image"]

#: Pixels of a frame.
ROWS, COLUMNS = 1489, 2048

#: Cards of the image, as text.
_SIZES = {"BITPIX": "-32", "NAXIS": "2", "NAXIS1": f"{COLUMNS}", "NAXIS2": f"{ROWS}"}

#: Cards that scale the pixels; a missing one changes nothing.
_SCALES = {"BZERO": 0.0, "BSCALE": 1.0}

#: Word in a comment: pixels were rounded to ten significant binary digits.
_ROUNDED = b"Floats truncated at 10 binary digits with FLOATCOMPRESS"


def check_image(values: Mapping[str, str], cards: bytes) -> None:
    """Refuse headers of other images; see `BlockLaw.check_image`.

    Raises
    ------
    DoubtError
        ``header``: sizes, scales or rounding are not those of a frame.
    """
    sizes = all(values.get(key) == value for key, value in _SIZES.items())
    scales = all(_is(values, key, value) for key, value in _SCALES.items())
    if not (sizes and scales and _ROUNDED in cards):
        raise DoubtError("header", "its header is not that of a usual frame")


def _is(values: Mapping[str, str], key: str, number: float) -> bool:
    try:
        return float(values.get(key, number)) == number
    except ValueError:
        return False

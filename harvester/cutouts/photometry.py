"""The unit, the zero point and the exposure time of the pixels of a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["exposure_s", "unit_of", "zero_point"]

#: AB magnitude of one nanomaggy, by its definition (3.631 micro-Jansky).
_NANOMAGGY = 22.5

#: To convert PHOTFLAM and PHOTPLAM to an AB zero point: the zero point of the ST
#: system, and the constant of the WFC3 Data Handbook (section 9.1) for the step to AB.
_ST_ZERO, _ST_TO_AB = -21.10, 18.692


def unit_of(text: Callable[[str], str], archive: str) -> str:
    """Return the unit of the pixels; early SDSS frames do not state it.

    ``text`` returns a card of the frame, empty if there is none.
    """
    return text("BUNIT") or ("nanomaggy" if archive == "sdss" else "")


def exposure_s(text: Callable[[str], str]) -> float | None:
    """Read the exposure time in seconds; in SDSS frames it is quoted text."""
    return _number(text("EXPTIME"))


def zero_point(text: Callable[[str], str], archive: str) -> float | None:
    """Return the AB magnitude of one unit of the pixels; None if it is unknown."""
    if archive == "sdss":
        is_known = unit_of(text, archive).lower() == "nanomaggy"
        return _NANOMAGGY if is_known else None
    flux, pivot = _number(text("PHOTFLAM")), _number(text("PHOTPLAM"))
    longer = _exposure_magnitude(text)
    if not flux or not pivot or min(flux, pivot) <= 0 or longer is None:
        return None
    per_second = -2.5 * math.log10(flux) - 5 * math.log10(pivot) + _ST_ZERO + _ST_TO_AB
    return round(per_second + longer, 6)


def _exposure_magnitude(text: Callable[[str], str]) -> float | None:
    """Return the magnitudes to add for pixels that count longer than a second.

    0 for pixels per second; None if the unit or the exposure time is unknown.
    """
    unit = text("BUNIT").upper().replace(" ", "")
    if unit.endswith(("/S", "S-1", "S**-1")):
        return 0.0
    seconds = exposure_s(text)
    if unit in {"ELECTRONS", "ELECTRON", "COUNTS"} and seconds and seconds > 0:
        return 2.5 * math.log10(seconds)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None

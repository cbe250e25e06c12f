"""The pixels of a drizzled HST image, and the check that its header describes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..cards import first_number
from ..reading import PointSpread
from .drizzle import drizzle_of
from .drizzled import DrizzledReading
from .point_spread import psf_fwhm

if TYPE_CHECKING:
    from ...models import Product
    from ..reading import Lookup, Noise, OpenFrame
    from .drizzle import Drizzle

__all__ = ["HstReading"]

#: From PHOTFLAM and PHOTPLAM to AB: the zero point of the ST system, and the
#: constant that the WFC3 Data Handbook (section 9.1) gives for the step to AB.
_ST_ZERO, _ST_TO_AB = -21.10, 18.692


class HstReading(DrizzledReading):
    """Reads SCI; pixels with a WHT of 0 have no data.

    Pixels that were saturated cannot be told: a drizzled image has no such flags.
    """

    error = ""
    may_be_tiled = True

    def drizzle(self, text: Lookup) -> Drizzle | None:
        """Read the cards of the first exposure."""
        return drizzle_of(text)

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:
        """Give the noise that the weights tell."""
        from .noise import WeightNoise

        return WeightNoise.of(text)

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:
        """Give the width that a handbook lists for the camera, if any does.

        There is no image of it: it changes over the field and with the focus.
        """
        pivot = first_number(text, "PHOTPLAM")
        try:
            found = psf_fwhm(text("INSTRUME"), text("DETECTOR"), (pivot or 0) / 10)
        except LookupError:
            return None
        return PointSpread(*found)

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time in seconds; None if unknown."""
        return first_number(text, "EXPTIME")

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of one unit of the pixels; None if unknown."""
        flux, pivot = first_number(text, "PHOTFLAM"), first_number(text, "PHOTPLAM")
        exposure = self._exposure_magnitude(text)
        if not flux or not pivot or min(flux, pivot) <= 0 or exposure is None:
            return None
        at_pivot = -2.5 * math.log10(flux) - 5 * math.log10(pivot)
        return round(at_pivot + _ST_ZERO + _ST_TO_AB + exposure, 6)

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:
        """Give no further cards."""
        return []

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:
        """Compare FILENAME with the name of the product if no target lies in the frame.

        Otherwise FILENAME is not checked: several pipelines write another name into the
        header than that of the file.
        """
        name = text("FILENAME")
        is_other = is_empty and name not in {"", product.name}
        return f"file {name}" if is_other else ""

    def _exposure_magnitude(self, text: Lookup) -> float | None:
        """Give the magnitudes that the exposure adds to the zero point, if known.

        It is 0 if the unit is a rate, such as electrons per second.
        """
        unit, seconds = self.unit(text), self.exposure_s(text)
        if unit in {"electron/s", "count/s"}:
            return 0.0
        if unit in {"electron", "count"} and seconds and seconds > 0:
            return 2.5 * math.log10(seconds)
        return None

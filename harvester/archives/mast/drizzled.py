"""What the readings of drizzled images of all missions have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..observed import date_observed
from ..units import fits_unit

if TYPE_CHECKING:
    from ..reading import Lookup
    from .drizzle import Drizzle

__all__ = ["DrizzledReading"]


class DrizzledReading:
    """Reads SCI; pixels with a WHT of 0 have no data."""

    science = "SCI"
    weight = "WHT"

    def drizzle(self, text: Lookup) -> Drizzle | None:
        """Give how the image was drizzled; None if the header does not tell."""
        raise NotImplementedError

    def unit(self, text: Lookup) -> str:
        """Name the unit of the pixels; empty if unknown."""
        return fits_unit(text("BUNIT"))

    def date_obs(self, text: Lookup) -> str:
        """Give the start of the observation, ISO 8601 in UTC; empty if unknown."""
        return date_observed(text)

    def saturation(self, text: Lookup) -> float | None:
        """Give None: the level is not known."""
        return None

    def corr_noise(self, text: Lookup) -> float | None:
        """Give the factor that the drop size and the pixel size imply."""
        known = self.drizzle(text)
        return round(known.noise_ratio, 4) if known else None

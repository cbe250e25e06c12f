"""The pixels of a JWST mosaic: surface brightness, in MJy/sr."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..cards import first_number
from ..mast.drizzle import drizzle
from ..mast.drizzled import DrizzledReading
from ..reading import PointSpread
from .point_spread import FWHM_ARCSEC

if TYPE_CHECKING:
    from ...models import Product
    from ..mast.drizzle import Drizzle
    from ..reading import Lookup, Noise, OpenFrame

__all__ = ["JwstReading"]

#: AB magnitude of 1 MJy: 31.4 - 2.5 log10(1e15 nJy).
_MEGAJANSKY = -6.10

#: Cards copied to the stamps: the program, and the versions of the pipeline.
_KEPT = {
    "PROGRAM": "program of the observation",
    "PI_NAME": "principal investigator",
    "CAL_VER": "version of the calibration software",
    "CRDS_CTX": "version of the reference files",
}


class JwstReading(DrizzledReading):
    """Reads SCI; pixels with a WHT of 0 have no data.

    Pixels that were saturated from the start are among these: the pipeline drops them.
    """

    error = "ERR"
    may_be_tiled = False

    def drizzle(self, text: Lookup) -> Drizzle | None:
        """Read PIXFRAC and PXSCLRT, which is 0.5 for pixels half as wide."""
        pixfrac, scale = first_number(text, "PIXFRAC"), first_number(text, "PXSCLRT")
        return drizzle(text("KERNEL"), pixfrac, scale)

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:
        """Give the noise that ERR tells."""
        from .noise import ErrorNoise

        return ErrorNoise(self.drizzle(text))

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:
        """Give the width that JDox lists for the filter, if it does."""
        found = FWHM_ARCSEC.get((text("INSTRUME"), product.band))
        return PointSpread(*found) if found else None

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time of the whole mosaic in seconds; None if unknown."""
        return first_number(text, "XPOSURE", "EFFEXPTM")

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of a pixel of 1 MJy/sr; None for another unit."""
        pixel_sr = first_number(text, "PIXAR_SR")
        if self.unit(text) != "MJy/sr" or not pixel_sr:
            return None
        if pixel_sr < 0:
            return None
        return round(_MEGAJANSKY - 2.5 * math.log10(pixel_sr), 6)

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:
        """Give program and versions: the archive replaces files under the same name."""
        kept = [(name, text(name), words) for name, words in _KEPT.items()]
        # By the FITS standard DATE is the date of the file itself, here of the stamp.
        kept.append(("FILEDATE", text("DATE"), "date on which the mosaic was made"))
        return [(name, value, words) for name, value, words in kept if value]

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:
        """Compare FILENAME with the name of the product; JWST files agree in them."""
        name = text("FILENAME")
        return f"file {name}" if name not in {"", product.name} else ""

"""The pixels of a JWST mosaic: surface brightness, in MJy/sr."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..cards import first_number, iso_date

if TYPE_CHECKING:
    from ...models import Product
    from ..reading import Lookup, Noise, OpenFrame, PointSpread

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


class JwstReading:
    """Reads SCI; pixels with a WHT of 0 have no data."""

    science = "SCI"
    weight = "WHT"
    error = ""
    may_be_tiled = False

    def unit(self, text: Lookup) -> str:
        """Name the unit of the pixels; empty if unknown."""
        return text("BUNIT")

    def date_obs(self, text: Lookup) -> str:
        """Give the start of the observation, ISO 8601 in UTC; empty if unknown."""
        return iso_date(text)

    def saturation(self, text: Lookup) -> float | None:  # noqa: ARG002 - the protocol's signature
        """Give None: the level is not known."""
        return None

    def corr_noise(self, text: Lookup) -> float | None:  # noqa: ARG002 - as above
        """Give None: the factor is not known."""
        return None

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:  # noqa: ARG002 - as above
        """Give None: the noise is not known."""
        return None

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:  # noqa: ARG002 - as above
        """Give None: it is not known."""
        return None

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time of the whole mosaic in seconds; None if unknown."""
        return first_number(text, "XPOSURE", "EFFEXPTM")

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of a pixel of 1 MJy/sr; None for another unit."""
        pixel_sr = first_number(text, "PIXAR_SR")
        if self.unit(text).replace(" ", "") != "MJy/sr" or not pixel_sr:
            return None
        if pixel_sr < 0:
            return None
        return round(_MEGAJANSKY - 2.5 * math.log10(pixel_sr), 6)

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:  # noqa: ARG002 - the protocol's signature
        """Give program and versions: the archive replaces files under the same name."""
        kept = [(name, text(name), words) for name, words in _KEPT.items()]
        # By the FITS standard DATE is the date of the file itself, here of the stamp.
        kept.append(("FILEDATE", text("DATE"), "date on which the mosaic was made"))
        return [(name, value, words) for name, value, words in kept if value]

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:  # noqa: ARG002 - as above
        """Compare FILENAME with the name of the product; JWST files agree in them."""
        name = text("FILENAME")
        return f"file {name}" if name not in {"", product.name} else ""

"""Widths of the point-spread functions of HST's cameras, from the handbooks."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

__all__ = ["HandbookTable", "psf_fwhm"]


class HandbookTable(NamedTuple):
    """Widths at some wavelengths, and the table that lists them."""

    source: str
    #: nm, ascending, and arcsec.
    wavelengths: tuple[float, ...]
    widths: tuple[float, ...]

    def at(self, wavelength: float) -> float | None:
        """Interpolate between the wavelengths of the table; None outside of it."""
        if not self.wavelengths[0] <= wavelength <= self.wavelengths[-1]:
            return None
        after = max(1, bisect_left(self.wavelengths, wavelength))
        low, high = self.wavelengths[after - 1], self.wavelengths[after]
        share = (wavelength - low) / (high - low)
        narrow, wide = self.widths[after - 1], self.widths[after]
        return round(narrow + share * (wide - narrow), 4)


#: Both are widths of the core of the optical model, before pixels widen it. There is no
#: such table for ACS: section 5.6.6 of its handbook only says that the width in F550M
#: varies from 0.10 to 0.13 arcsec over the field of WFC.
_TABLES = {
    ("WFC3", "IR"): HandbookTable(
        "WFC3 Instrument Handbook, table 7.5",
        (800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700),
        (0.124, 0.126, 0.128, 0.130, 0.133, 0.137, 0.141, 0.145, 0.151, 0.156),
    ),
    ("WFC3", "UVIS"): HandbookTable(
        "WFC3 Instrument Handbook, table 6.7",
        (200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100),
        (0.083, 0.075, 0.070, 0.067, 0.067, 0.070, 0.074, 0.078, 0.084, 0.089),
    ),
}


def psf_fwhm(instrument: str, detector: str, pivot_nm: float) -> tuple[float, str]:
    """Give the width at a wavelength in arcsec, and its source.

    Raises
    ------
    LookupError
        No handbook lists it.
    """
    table = _TABLES[instrument, detector]
    width = table.at(pivot_nm)
    if width is None:
        msg = f"{table.source} does not reach {pivot_nm:g} nm"
        raise LookupError(msg)
    return width, f"{table.source}: at {pivot_nm:.0f} nm, before pixelation"

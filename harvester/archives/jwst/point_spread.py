"""Widths of the point-spread functions of JWST's imagers, as JDox lists them."""

from __future__ import annotations

__all__ = ["FWHM_ARCSEC"]

#: Full width at half maximum in arcsec and its source, by instrument and band. Bands
#: that are not listed have no figure with a known source.
FWHM_ARCSEC: dict[tuple[str, str], tuple[float, str]] = {
    (instrument, band): (width, source)
    for instrument, source, widths in (
        (
            "NIRCAM",
            "JDox, NIRCam Point Spread Functions: empirical",
            {
                "F090W": 0.033,
                "F115W": 0.040,
                "F150W": 0.050,
                "F200W": 0.066,
                "F277W": 0.092,
                "F356W": 0.116,
                "F444W": 0.145,
            },
        ),
        (
            "MIRI",
            "JDox, MIRI Point Spread Functions, table 1: measured in commissioning",
            {
                "F560W": 0.207,
                "F770W": 0.269,
                "F1000W": 0.328,
                "F1130W": 0.375,
                "F1280W": 0.420,
                "F1500W": 0.488,
                "F1800W": 0.591,
                "F2100W": 0.674,
                "F2550W": 0.803,
            },
        ),
    )
    for band, width in widths.items()
}

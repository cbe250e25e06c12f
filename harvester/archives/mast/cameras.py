"""Fields of view and pixel widths of the cameras of HST."""

from __future__ import annotations

__all__ = ["field_arcsec", "pixel_arcsec"]

#: Sides of one pointing in arcsec, longer one first.
_FIELD_ARCSEC = {
    "WFC3/IR": (136.0, 123.0),
    "WFC3/UVIS": (163.0, 162.0),
    "ACS/WFC": (212.0, 211.0),
    "ACS/HRC": (29.0, 26.0),
    "ACS/SBC": (35.0, 31.0),
    "WFPC2": (160.0, 160.0),
    "WFPC2/WFC": (160.0, 160.0),
    "NICMOS/NIC3": (52.0, 52.0),
}

#: Used for cameras that are not listed: the largest of them.
_OTHER_FIELD_ARCSEC = (212.0, 211.0)

#: Pixel width of drizzled images in arcsec.
_PIXEL_ARCSEC = {"WFC3/IR": 0.128, "ACS/WFC": 0.05, "WFC3/UVIS": 0.04}
_OTHER_PIXEL_ARCSEC = 0.05


def field_arcsec(instrument: str) -> tuple[float, float]:
    """Give the sides of one pointing in arcsec, longer one first."""
    return _FIELD_ARCSEC.get(instrument, _OTHER_FIELD_ARCSEC)


def pixel_arcsec(instrument: str) -> float:
    """Give the width of a camera's drizzled pixels in arcsec."""
    return _PIXEL_ARCSEC.get(instrument, _OTHER_PIXEL_ARCSEC)

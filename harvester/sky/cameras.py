"""What is known of the cameras of HST before any image: how much sky one sees."""

from __future__ import annotations

import math

__all__ = ["assumed_radius_deg", "field_arcsec"]

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

#: The widest of them: for cameras that are not listed.
_OTHER_FIELD_ARCSEC = (212.0, 211.0)


def field_arcsec(instrument: str) -> tuple[float, float]:
    """Give the sides of one pointing in arcsec, longer one first."""
    return _FIELD_ARCSEC.get(instrument, _OTHER_FIELD_ARCSEC)


def assumed_radius_deg(instrument: str) -> float:
    """Give how far from its target one pointing reaches, wherever on it that lies.

    That is the diagonal of the field, for a target in a corner of it.
    """
    return math.hypot(*field_arcsec(instrument)) / 3600

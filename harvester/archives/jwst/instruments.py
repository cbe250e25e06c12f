"""Imaging instruments of JWST: filters, fields of view, and pixel widths of mosaics.

The filters come from JDox (NIRCam Filters, MIRI Filters and Dispersers, NIRISS
Filters). ``docs/archives.md`` says where the pixel widths come from.
"""

from __future__ import annotations

__all__ = ["COMMON", "FILTERS", "band_of", "field_arcsec", "pixel_arcsec", "spellings"]

#: Filters by instrument.
FILTERS = {
    name: tuple(filters.split())
    for name, filters in {
        "NIRCAM/IMAGE": (
            "F070W F090W F115W F140M F150W F150W2 F162M F164N F182M F187N F200W F210M "
            "F212N F250M F277W F300M F322W2 F323N F335M F356W F360M F405N F410M F430M "
            "F444W F460M F466N F470N F480M"
        ),
        "MIRI/IMAGE": "F560W F770W F1000W F1130W F1280W F1500W F1800W F2100W F2550W",
        "NIRISS/IMAGE": (
            "F090W F115W F140M F150W F158M F200W F277W F356W F380M F430M F444W F480M"
        ),
    }.items()
}

#: Wide filters with hundreds of images: an empty list for one of them is an error.
COMMON = {
    "NIRCAM/IMAGE": "F090W F115W F150W F200W F277W F356W F444W",
    "MIRI/IMAGE": "F770W F1000W F1500W F2100W",
}

#: Filters in the pupil wheel of NIRCam. They are used together with a wide filter of
#: the filter wheel; the band of such an image is the narrow one.
_IN_PUPIL = frozenset({"F162M", "F164N", "F323N", "F405N", "F466N", "F470N"})

#: Entries of a wheel without a filter.
_OPEN = frozenset({"", "CLEAR", "CLEARP"})

#: Sides of one pointing in arcsec; for NIRCam both modules and the gap between them.
_FIELD_ARCSEC = {
    "NIRCAM/IMAGE": (310.0, 133.0),
    "MIRI/IMAGE": (113.0, 74.0),
    "NIRISS/IMAGE": (133.0, 133.0),
}

#: Pixel widths of mosaics in arcsec; for NIRCam that of the short channel, the smaller.
_PIXEL_ARCSEC = {"NIRCAM/IMAGE": 0.031, "MIRI/IMAGE": 0.11, "NIRISS/IMAGE": 0.065}
_FINEST_ARCSEC = 0.031


def spellings(instrument: str) -> list[str]:
    """Give MAST's names of an instrument: older rows leave out ``/IMAGE``."""
    return [instrument, instrument.removesuffix("/IMAGE")]


def band_of(filters: str) -> set[str]:
    """Give the band of an image, from ``F200W``, ``CLEAR;F150W`` or ``F405N;F410M``."""
    names = {name.strip().upper() for name in filters.split(";")} - _OPEN
    return (names & _IN_PUPIL) or (names if len(names) == 1 else set())


def field_arcsec(instrument: str) -> tuple[float, float]:
    """Give the sides of one pointing in arcsec, longer one first."""
    return _FIELD_ARCSEC.get(instrument, max(_FIELD_ARCSEC.values()))


def pixel_arcsec(instrument: str) -> float:
    """Give the pixel width of a mosaic in arcsec."""
    return _PIXEL_ARCSEC.get(instrument, _FINEST_ARCSEC)

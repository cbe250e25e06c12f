"""The wavelengths that the names of HST's and JWST's filters state."""

from __future__ import annotations

import re

__all__ = ["nominal_nm"]

#: The number of a filter and what follows it: ``F160W``, ``F850LP``, ``F150W2``.
_NUMBER = re.compile(r"F(\d{3,4})([A-Z]+)\d?")

#: Cameras that count in hundredths of a micrometre; the others count in nanometres.
_INFRARED = ("WFC3/IR", "NICMOS", "NIRCAM", "NIRISS", "MIRI")

#: A number below this is of an infrared filter, if the camera is unknown: filters of
#: the far ultraviolet with such numbers are long-pass ones.
_LEAST_OPTICAL = 200


def nominal_nm(mission: str, instrument: str, band: str) -> float | None:
    """Give the wavelength in the name of a filter, in nanometres; None if it has none.

    Parameters
    ----------
    mission
        Name of the archive: all filters of JWST are infrared.
    instrument
        As MAST spells it; empty if unknown.
    """
    match = _NUMBER.fullmatch(band)
    if not match:
        return None
    number = float(match[1])
    guessed = not instrument and number < _LEAST_OPTICAL and match[2] != "LP"
    is_infrared = mission == "jwst" or instrument.startswith(_INFRARED) or guessed
    return number * 10 if is_infrared else number

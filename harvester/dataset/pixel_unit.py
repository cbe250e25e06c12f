"""The unit of a stamp's pixels, read for astropy.

Stamps of earlier versions have the spelling of their frames, such as ``ELECTRONS/S``.
"""

from __future__ import annotations

import re

from astropy import units as u

from ..errors import InputError

__all__ = ["read_unit"]

#: Plurals that frames have and the FITS standard has not.
_PLURAL = re.compile(r"\b(electron|count|photon)s\b")


def read_unit(text: str) -> u.UnitBase:
    """Read a unit as the FITS standard spells it, or as frames do.

    Raises
    ------
    InputError
        The unit is not known.
    """
    for spelling in (text, _PLURAL.sub(r"\1", text.lower())):
        try:
            return u.Unit(spelling)
        except (ValueError, TypeError):
            continue
    msg = f"the unit {text!r} of the pixels is not known"
    raise InputError(msg)

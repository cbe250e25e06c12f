"""Units in the header of a text: in a row below the names, or in brackets.

This module distinguishes units from other words; `angle_units` parses units of angles.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..importing import IMPORTING
from .angle_units import is_known_spelling
from .sheets import StatedFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_no_unit", "is_unit", "parse_brackets", "states_units", "unit_in_words"]

#: Units, other than of angles, in spellings that astropy does not know.
_UNITS = {
    *("sex", "sexagesimal", "mags", "magnitude", "magnitudes", "abmag", "maggy"),
    *("maggies", "nmgy", "dex", "nanomaggies", "counts", "pixels", "solmass"),
    *("logmsun", "years", "days"),
}
#: Words in a row of units for a column without a unit.
_NO_UNIT = {"", "-", "--", "---", "none", "null", "n/a", "unitless", "dimensionless"}

_BRACKETS = re.compile(
    r".*?\S\s*[\[(]([^\[\]()]*(?:[\[(][^\[\]()]*[\])])?[^\[\]()]*)[\])]\s*"
)
#: A value such as ``12h34m56s``, which astropy would accept as a unit.
_SEXAGESIMAL = re.compile(r"[+-]?\d+(?:\.\d*)?\s*[hdms]\s*\d", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(]([^\[\]()]+)[\])]")
_SAID = re.compile(
    r"\bin (?:decimal |units of )?"
    r"(hours?|degrees?|deg|radians?|rad|arcsec\w*|arcmin\w*|h:m:s|d:m:s)\b",
    re.IGNORECASE,
)
_EQUINOX = re.compile(
    r"(?:(?:equinox|epoch|eq\.?)\s*=?\s*)?([JB]?(?:19|20)\d\d(?:\.\d+)?)"
)
_SYSTEM = re.compile(
    r"(?:eq_?)?(?:icrs|fk[45]|galactic|ecliptic|supergalactic)", re.IGNORECASE
)
#: Words in brackets that are neither a unit nor a frame.
_OTHER = re.compile(
    r"\d*|err|error|e_\w+|sigma|unc\w*|std\w*|rms|[a-z]-?band", re.IGNORECASE
)


def is_no_unit(word: str) -> bool:
    """Return whether the word means that there is no unit."""
    return word.strip().lower() in _NO_UNIT


@lru_cache(maxsize=4096)
def is_unit(word: str) -> bool:
    """Return whether the word is a unit, in the spelling of astropy or a known one."""
    bare = word.strip(" \"'[]()")
    if bare.lower() in _UNITS or is_known_spelling(bare):
        return True
    if not re.search(r"[A-Za-z%]", bare) or _SEXAGESIMAL.match(bare):
        return False
    with IMPORTING:
        from astropy.units import Unit
    try:
        Unit(bare)
    except (ValueError, TypeError):
        return False
    return True


def states_units(fields: Sequence[str]) -> bool:
    """Return whether the fields can be a row of units."""
    filled = [each.strip() for each in fields if not is_no_unit(each)]
    return bool(filled) and all(map(is_unit, filled))


def parse_brackets(name: str) -> tuple[str, StatedFrame | None]:
    """Return the unit and the frame in the brackets at the end of a name."""
    match = _BRACKETS.fullmatch(name)
    if not match:
        return "", None
    units, system, equinox = [], "", ""
    for part in re.split(r"[,;]\s*", match[1]):
        year = _EQUINOX.fullmatch(part.strip())
        if year:
            equinox = year[1]
        elif _SYSTEM.fullmatch(part.strip()):
            system = part.strip()
        elif not _OTHER.fullmatch(part.strip()):
            units.append(part.strip())
    frame = StatedFrame(system, equinox) if system or equinox else None
    return ",".join(units), frame


def unit_in_words(about: str) -> str:
    """Return the unit in the description of a column: ``right ascension (hours)``."""
    found = [each for each in _BRACKETED.findall(about) if is_unit(each)]
    if found:
        return str(found[-1]).strip()
    said = _SAID.search(about)
    if said:
        return said[1]
    return about.strip() if is_unit(about) else ""

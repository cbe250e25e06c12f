"""Units of angles, in the spellings that published tables use.

FITS, VOTable and ECSV have standards for units, but TOPCAT, IDL, CasJobs and authors
often ignore them. Every spelling listed here occurs in a published table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..importing import IMPORTING

__all__ = [
    "DEGREES",
    "HOURS",
    "RADIANS",
    "AngleUnit",
    "angle_unit",
    "is_known_spelling",
    "states_no_unit",
]


@dataclass(frozen=True, slots=True)
class AngleUnit:
    """A unit of angles, with its size in degrees."""

    #: The name that the harvester prints.
    name: str
    #: Degrees in one unit.
    degrees: float
    #: ``text`` if values in this unit are always text, such as ``12:34:56.7``.
    form: Literal["number", "text"] = "number"


DEGREES = AngleUnit("deg", 1.0)
HOURS = AngleUnit("hour", 15.0)
RADIANS = AngleUnit("rad", 57.29577951308232)
_H_M_S = AngleUnit("h:m:s", 15.0, "text")
_D_M_S = AngleUnit("d:m:s", 1.0, "text")


def _spelled(unit: AngleUnit, *words: str) -> dict[str, AngleUnit]:
    return dict.fromkeys((word for text in words for word in text.split()), unit)


#: The known spellings, normalised by `_plain`: lower case, one word.
_KNOWN = {
    **_spelled(DEGREES, "d deg degs degr degree degrees decdeg decimaldegree ddeg"),
    **_spelled(DEGREES, "decimaldegrees degreesdecimal degdecimal dd ° degreeseast"),
    **_spelled(
        DEGREES, "degreesnorth degreesdec degs. degj2000 degree(s) degrees(dec)"
    ),
    **_spelled(HOURS, "h hr hrs hour hours hourangle hourangles decimalhours ha"),
    **_spelled(HOURS, "hoursdecimal decimalhour hour(s) hoursra"),
    **_spelled(RADIANS, "rad rads radian radians rad. radian(s)"),
    **_spelled(AngleUnit("arcmin", 1 / 60), "arcmin arcmins arcminute arcminutes amin"),
    **_spelled(AngleUnit("arcsec", 1 / 3600), "arcsec arcsecs arcsecond arcseconds"),
    **_spelled(AngleUnit("arcsec", 1 / 3600), "asec secofarc secondsofarc"),
    **_spelled(AngleUnit("mas", 1 / 3.6e6), "mas milliarcsec milliarcsecs"),
    **_spelled(AngleUnit("mas", 1 / 3.6e6), "milliarcsecond milliarcseconds marcsec"),
    **_spelled(_H_M_S, "hms hmsdms hourminsec hoursminutesseconds hhmmss hrminsec"),
    **_spelled(_H_M_S, "hourminutesecond hoursminsec hrsminsec hourminutesseconds"),
    **_spelled(_D_M_S, "dms degminsec degarcminarcsec degreesminutesseconds"),
    **_spelled(
        _D_M_S, "ddmmss dddmmss degreesarcminarcsec degreesarcminutesarcseconds"
    ),
    **_spelled(_D_M_S, "degreeminutesecond degreesminsec"),
}
#: Words that files write in place of a unit when there is none.
_NOTHING = {"", "-", "--", "---", "none", "null", "nan", "n/a", "na", "unknown"} | {
    *("unitless", "dimensionless", "1", "char", "string", "text", "angle"),
    *("sexagesimal", "sex", "sexa", "pos.eq.ra", "pos.eq.dec"),
}

#: ``Angle[rad]`` and ``Angle(deg)``, as some writers of astropy tables spell units.
_ANGLE_OF = re.compile(r"(?:angle|quantity|float|double)\s*[\[(](?P<unit>.*)[\])]")
_FIGURES = re.compile(r"\.s+$|\.\d+$")
_BETWEEN = re.compile(r"[\s:_]+")


def _plain(text: str) -> str:
    word = text.strip(" \t'\"`+-\u00b1").lower()
    inside = _ANGLE_OF.fullmatch(word)
    word = _FIGURES.sub("", (inside["unit"] if inside else word).strip(" .'\""))
    return _BETWEEN.sub("", word)


def states_no_unit(text: str) -> bool:
    """Return whether the text means "no unit", or does not name a definite unit."""
    return _plain(text) in _NOTHING


def is_known_spelling(text: str) -> bool:
    """Return whether the text is one of the listed spellings of a unit."""
    return _plain(text) in _KNOWN


def angle_unit(text: str) -> AngleUnit | None:
    """Parse a unit of angles; None if the text is not one."""
    known = _KNOWN.get(_plain(text))
    return known or _of_astropy(text.strip(" \t'\""))


def _of_astropy(text: str) -> AngleUnit | None:
    with IMPORTING:
        from astropy.units import Unit, UnitsError
    for spelling in (text, text.lower()):
        try:
            return AngleUnit(text, float(Unit(spelling).to("deg")))
        except (ValueError, TypeError, UnitsError):
            continue
    return None

"""Find the frames that a file states, in its own spelling; `sky_frames` parses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .sheets import StatedFrame

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "frame_in_keywords",
    "frame_in_words",
    "frame_of_coordinates",
    "year_of",
]

#: Keywords in FITS headers, IPAC tables and ECSV that name a frame; the first wins.
_SYSTEMS = (
    *("RADESYS", "RADECSYS", "RADESYSA", "REFERENCE_FRAME"),
    *("REF_FRAME", "REFFRAME", "COORDSYS"),
)
_EQUINOXES = ("EQUINOX", "EQUINOXA")
_EPOCHS = ("REF_EPOCH", "REFEPOCH", "EPOCH")
#: ``EPOCH`` is the old name of ``EQUINOX``. These values mean an equinox, not the date
#: of an observation.
_OLD_EQUINOXES = {"1950", "1950.0", "B1950", "B1950.0", "1875.0", "B1875"}

_POSITION = re.compile(
    r"pos\.(?:eq|galactic|ecliptic)|ascension|declination|longitude|latitude",
    re.IGNORECASE,
)
_SYSTEM = re.compile(r"\b(FK[45]|ICRS|Galactic|Ecliptic)\b", re.IGNORECASE)
_EQUINOX = re.compile(
    r"\bEq(?:uinox)?\.?\s*=?\s*([JB]?\d{4}(?:\.\d+)?)|\b([JB](?:1875|1900|1950|2000)(?:\.0*)?)"
    r"|\((1875|1900|1950|2000)(?:\.0*)?\)",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"\bEp(?:och)?\s*=\s*(J?\d{4}(?:\.\d+)?)", re.IGNORECASE)


def frame_in_keywords(keywords: Mapping[str, object]) -> StatedFrame | None:
    """Return the frame that keywords state for all positions of a table, or None."""
    upper = {str(key).upper(): value for key, value in keywords.items()}
    system, equinox, epoch = (
        _first(upper, names) for names in (_SYSTEMS, _EQUINOXES, _EPOCHS)
    )
    if not (system or equinox) and epoch in _OLD_EQUINOXES:
        equinox, epoch = epoch, ""
    return StatedFrame(system, equinox, epoch) if system or equinox else None


def _first(keywords: Mapping[str, object], names: tuple[str, ...]) -> str:
    for name in names:
        value = keywords.get(name)
        if isinstance(value, dict):  # a keyword of an IPAC table
            value = value.get("value")
        if isinstance(value, (str, int, float)) and str(value).strip(" '\""):
            return str(value).strip(" '\"")
    return ""


def frame_in_words(about: str) -> StatedFrame | None:
    """Return the frame that the description of a position column states, or None.

    VizieR writes ``Right ascension (FK4, Equinox=B1950.0)``, the CDS ``Hour of Right
    Ascension (J2000)``.
    """
    if not _POSITION.search(about):
        return None
    epoch = _EPOCH.search(about)
    rest = _EPOCH.sub("", about)
    system, equinox = _SYSTEM.search(rest), _EQUINOX.search(rest)
    if not system and not equinox:
        return None
    year = next(filter(None, equinox.groups()), "") if equinox else ""
    return StatedFrame(system[1] if system else "", year, epoch[1] if epoch else "")


def frame_of_coordinates(coordinates: Any) -> StatedFrame:
    """Return the frame of a column of ``SkyCoord``."""
    frame = coordinates.frame
    equinox, epoch = (getattr(frame, name, None) for name in ("equinox", "obstime"))
    return StatedFrame(frame.name, year_of(equinox), year_of(epoch))


def year_of(time: Any) -> str:
    """Return an astropy time as text, such as ``B1950.000``; empty if there is none."""
    # A frame may have one date for each row: only a single date can be stated.
    return str(time.value) if time is not None and time.isscalar else ""

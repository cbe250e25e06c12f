"""Frames of positions: how they are spelled, and the transformation to ICRS.

Positions in FK5 with equinox J2000 are used as ICRS without a transformation: the two
frames differ by less than 0.04 arcsec, which is not visible in a stamp. Astropy
transforms all others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..importing import IMPORTING
from .sheets import StatedFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FRAMES",
    "ICRS",
    "SkyFrame",
    "parse_frame",
    "parse_frame_option",
    "sky_frame",
]

#: The values that `--frame` accepts.
FRAMES = "icrs, fk5, fk5:J1975, fk4, fk4:B1950, galactic, supergalactic, ecliptic"

#: By the FITS standard an equinox before this year means FK4, a later one FK5.
_FIRST_OF_FK5 = 1984
#: The last equinox in use.
_LAST_EQUINOX = 2000
#: The year of the first epoch that catalogues in ICRS state: J1991.25.
_FIRST_OF_ICRS = 1991
#: Positions that are transformed at a time.
_PART = 262_144

#: Names of systems in lower case, without blanks and punctuation.
_SYSTEMS = {
    **dict.fromkeys(("icrs", "icrf", "icrf2", "icrf3", "eqicrs", "gaia"), "icrs"),
    **dict.fromkeys(("hipparcos", "tycho2"), "icrs"),
    **dict.fromkeys(("fk5", "eqfk5", "fk5icrs"), "fk5"),
    **dict.fromkeys(("fk4", "eqfk4"), "fk4"),
    **dict.fromkeys(("fk4noe", "fk4noeterms", "fk4noeeq"), "fk4noeterms"),
    **dict.fromkeys(("galactic", "gal", "galacticii", "galacticcoordinates"), "gal"),
    **dict.fromkeys(("supergalactic", "supergal", "sgal"), "supergalactic"),
    **dict.fromkeys(("ecliptic", "ecl", "eclfk5", "eclipticj2000"), "ecliptic"),
    **dict.fromkeys(("barycentricmeanecliptic", "meanecliptic"), "ecliptic"),
    **dict.fromkeys(("barycentrictrueecliptic", "trueecliptic"), "trueecliptic"),
    **dict.fromkeys(("equatorial", "eq", "radec", ""), ""),
}
_SYSTEMS |= {name: "galactic" for name, system in _SYSTEMS.items() if system == "gal"}

_YEAR = re.compile(r"(?P<mark>[JB]?)\s*(?P<year>\d{4}(?:\.\d+)?)\.?", re.IGNORECASE)
#: ``FK4 B1950``, ``fk5:J1975``, ``eq_FK5 (2000.0)``, ``J2000``.
_WITH_YEAR = re.compile(
    r"(?P<system>[A-Z_]{2}[A-Z_\d-]*?)[\s:_,(/-]*"
    r"(?:(?:equinox|eq\.?|epoch)\s*)?(?P<year>[JB]?\s*\d{4}(?:\.\d*)?)\)?",
    re.IGNORECASE,
)
_EQUINOX = re.compile(r"^(?:equinox|eq\.?)[\s:=]+", re.IGNORECASE)
_SIGNS = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class SkyFrame:
    """A frame that can be transformed to ICRS."""

    #: ``icrs``, ``fk5``, ``fk4``, ``fk4noeterms``, ``galactic``, ``supergalactic``,
    #: ``ecliptic`` or ``trueecliptic``.
    system: str
    #: Such as ``J2000`` or ``B1950``; empty if the system has no equinox.
    equinox: str = ""
    #: The date for which the positions hold, such as ``J1983.5``; empty: the equinox.
    epoch: str = ""

    @property
    def is_icrs(self) -> bool:
        """Whether its positions are used as ICRS without a transformation."""
        return self.system == "icrs" or (self.system, self.equinox) == ("fk5", "J2000")

    @property
    def is_equatorial(self) -> bool:
        """Whether its longitude is right ascension: hours in sexagesimal text."""
        return self.system in {"icrs", "fk5", "fk4", "fk4noeterms"}

    def __str__(self) -> str:
        """Return the system, the equinox and the epoch in words."""
        facts = [f"equinox {self.equinox}"] if self.equinox else []
        facts += [f"epoch {self.epoch}"] if self.epoch else []
        name = self.system.upper() if self.is_equatorial else self.system
        return f"{name} ({', '.join(facts)})" if facts else name

    def to_icrs(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Transform degrees in this frame, ``(n,)`` each, to ICRS; NaN stays NaN."""
        ra, dec = np.full(len(longitude), np.nan), np.full(len(longitude), np.nan)
        sound = np.flatnonzero(~np.isnan(longitude) & ~np.isnan(latitude))
        frame = self._of_astropy()
        with IMPORTING:
            from astropy.coordinates import SkyCoord
        for start in range(0, len(sound), _PART):
            rows = sound[start : start + _PART]
            places = SkyCoord(
                longitude[rows], latitude[rows], unit="deg", frame=frame
            ).icrs
            ra[rows], dec[rows] = places.ra.deg, places.dec.deg
        return ra, dec

    def _of_astropy(self) -> Any:
        with IMPORTING:
            from astropy import coordinates
        match self.system:
            case "fk4" | "fk4noeterms":
                kind = {"fk4": coordinates.FK4}.get(
                    self.system, coordinates.FK4NoETerms
                )
                return kind(equinox=self.equinox, obstime=self.epoch or self.equinox)
            case "fk5":
                return coordinates.FK5(equinox=self.equinox)
            case "ecliptic":
                return coordinates.BarycentricMeanEcliptic(equinox=self.equinox)
            case "trueecliptic":
                return coordinates.BarycentricTrueEcliptic(equinox=self.equinox)
            case system:
                return {
                    "icrs": coordinates.ICRS,
                    "galactic": coordinates.Galactic,
                    "supergalactic": coordinates.Supergalactic,
                }[system]()


ICRS = SkyFrame("icrs")


def sky_frame(stated: StatedFrame) -> SkyFrame | None:
    """Parse a frame as a file states it; None if it is not understood."""
    system = _EQUINOX.sub("", stated.system.strip())
    if _YEAR.fullmatch(system) and not stated.equinox:
        return _with_equinox(StatedFrame("", system, stated.epoch))
    match = _WITH_YEAR.fullmatch(system)
    if match and not stated.equinox:
        named = StatedFrame(match["system"], match["year"], stated.epoch)
        return _with_equinox(named)
    return _with_equinox(stated)


def _with_equinox(stated: StatedFrame) -> SkyFrame | None:
    system = _SYSTEMS.get(_SIGNS.sub("", stated.system.lower()))
    equinox = _Year.parsed(stated.equinox)
    if system is None or (stated.equinox.strip() and equinox is None):
        return None
    match system:
        case "icrs" | "galactic" | "supergalactic":
            # ICRS has no equinox. A year beside it is the epoch of Hipparcos or Gaia.
            is_older = equinox is not None and equinox.year < _FIRST_OF_ICRS
            return None if system == "icrs" and is_older else SkyFrame(system)
        case "":
            return _by_equinox(equinox, stated.epoch)
        case "fk4" | "fk4noeterms":
            return _fk4(system, equinox, stated.epoch)
        case _:
            return SkyFrame(system, equinox.marked("J") if equinox else "J2000")


def _by_equinox(equinox: _Year | None, epoch: str) -> SkyFrame | None:
    # A later year without a system is ambiguous: an epoch (of Gaia) or an equinox.
    if equinox is None or equinox.year > _LAST_EQUINOX:
        return None
    if equinox.mark == "B" or (not equinox.mark and equinox.year < _FIRST_OF_FK5):
        return _fk4("fk4", equinox, epoch)
    return SkyFrame("fk5", equinox.marked("J"))


def _fk4(system: str, equinox: _Year | None, epoch: str) -> SkyFrame | None:
    if equinox and equinox.year >= _FIRST_OF_FK5:
        return None  # by then FK5 had replaced FK4
    when = _Year.parsed(epoch)
    mark = "J" if when and when.year >= _FIRST_OF_FK5 else "B"
    return SkyFrame(
        system,
        equinox.marked("B") if equinox else "B1950",
        when.marked(mark) if when else "",
    )


@dataclass(frozen=True, slots=True)
class _Year:
    """An equinox or epoch, in Besselian (B) or Julian (J) years."""

    mark: str
    year: float

    @classmethod
    def parsed(cls, text: str) -> _Year | None:
        match = _YEAR.fullmatch(text.strip(" '\""))
        return cls(match["mark"].upper(), float(match["year"])) if match else None

    def marked(self, default: str) -> str:
        return f"{self.mark or default}{self.year:g}"


def parse_frame(text: str) -> SkyFrame | None:
    """Parse a word of a header such as ``J2000``, ``B1950`` or ``ICRS``."""
    return sky_frame(StatedFrame(text)) if text.strip() else None


def parse_frame_option(text: str) -> SkyFrame | None:
    """Parse the option ``--frame``; None if it is empty.

    Raises
    ------
    InputError
        There is no such frame.
    """
    if not text.strip():
        return None
    frame = parse_frame(text)
    if frame is None:
        msg = f"--frame: {text!r} is not a known frame. Known frames are {FRAMES}."
        raise InputError(msg)
    return frame

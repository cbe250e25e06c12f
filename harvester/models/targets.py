"""What is asked for: targets, surveys, and how their stamps are cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self

from ..errors import InputError
from .planes import DEFAULT_PLANES, Plane

__all__ = ["CutoutSpec", "Mode", "StampSize", "Survey", "Target"]

Mode = Literal["partial", "trim"]

#: Arcseconds in the units in which the side of a stamp may be given.
_ARCSEC = {"arcsec": 1, '"': 1, "arcmin": 60, "'": 60, "deg": 3600}
_SIZE = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]+)?)\s*(px|pix|pixels?|arcsec|arcmin|deg|\"|')?"
)
#: Larger stamps need a confirmation. 1024 px make 4 MB; 180 arcsec make 8 MB with
#: pixels of 0.13 arcsec.
_LARGE = {"px": 1024, "arcsec": 180}


@dataclass(frozen=True, slots=True)
class Target:
    """A galaxy of the catalogue."""

    #: Index among the accepted rows of the catalogue, from 0; the key in the ledger.
    number: int
    #: Identifier as the catalogue spells it.
    id: str
    #: Right ascension, ICRS degrees, 0 <= ra < 360.
    ra: float
    #: Declination, ICRS degrees.
    dec: float
    #: Stem of the names of its files: from ``id``, valid on any disk, unique in a run.
    stem: str
    #: Line or row of the catalogue file, from 1.
    line: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """Bands of one instrument: ``sdss:r`` or ``hst:WFC3/IR:F160W,F140W``."""

    archive: str
    #: Instrument as the archive spells it; empty if the archive has only one.
    instrument: str
    bands: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``archive:[instrument:]bands``.

        `harvester.archives.registry.read_survey` also checks that the names exist.
        """
        archive, _, rest = text.strip().partition(":")
        instrument, _, bands = rest.rpartition(":")
        return cls(archive.strip().lower(), instrument.strip(), _split(bands))

    def __str__(self) -> str:
        middle = f"{self.instrument}:" if self.instrument else ""
        return f"{self.archive}:{middle}{','.join(self.bands)}"


def _split(bands: str) -> tuple[str, ...]:
    names = (band.strip() for band in bands.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True)
class StampSize:
    """The side of a square stamp, in pixels of the frame or in arcsec on the sky."""

    value: float
    unit: Literal["px", "arcsec"]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``40px``, ``40`` (pixels), ``15.84arcsec`` or ``2arcmin``."""
        match = _SIZE.fullmatch(text.strip().lower())
        if not match or float(match[1]) <= 0:
            msg = f"size {text!r} is not like 124px, 15.84arcsec or 2arcmin"
            raise InputError(msg)
        if match[2] in _ARCSEC:
            # Rounded, because in floating point 0.1 * 60 can differ from 6.
            return cls(round(float(match[1]) * _ARCSEC[match[2]], 6), "arcsec")
        if not float(match[1]).is_integer():
            msg = f"size {text!r}: the number of pixels must be whole"
            raise InputError(msg)
        return cls(float(match[1]), "px")

    def pixels(self, scale_arcsec: float) -> int:
        """Return the side in pixels, for pixels that are ``scale_arcsec`` wide.

        The scale is rounded to a milliarcsecond. Frames of one camera differ by less,
        so all its stamps get the same size.
        """
        if self.unit == "px":
            return int(self.value)
        return max(1, round(self.value / max(0.001, round(scale_arcsec, 3))))

    def arcsec(self, scale_arcsec: float) -> float:
        """Return the side on the sky, for pixels that are ``scale_arcsec`` wide."""
        return self.value if self.unit == "arcsec" else self.value * scale_arcsec

    @property
    def is_large(self) -> bool:
        """Whether stamps are so large that the size may be a typing error."""
        return self.value > _LARGE[self.unit]

    def __str__(self) -> str:
        return f"{self.value:g}{self.unit}"


@dataclass(frozen=True, slots=True)
class CutoutSpec:
    """How stamps are cut."""

    size: StampSize
    #: ``partial``: always the full size, with NaN outside the frame; ``trim``: smaller
    #: at an edge. Named as in `astropy.nddata.Cutout2D`.
    mode: Mode = "partial"
    #: The planes of a stamp; always with the flux.
    planes: tuple[Plane, ...] = DEFAULT_PLANES
    #: Whether stamps with rows outside the frame wait for a frame that continues it.
    complete: bool = False

"""Frozen records that the parts of the harvester exchange."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "Ask",
    "Cut",
    "CutoutSpec",
    "Finding",
    "FrameJob",
    "Mode",
    "NoChoices",
    "Product",
    "Receipt",
    "Route",
    "Sample",
    "StampSize",
    "Survey",
    "Target",
    "Wanted",
]

Mode = Literal["partial", "trim"]

#: How the frame of a target was found: from its identifier, by uploading its position
#: to the archive's cross-match, or by geometry in the table of all fields.
Route = Literal["identifier", "crossid", "geometry"]

#: Why an existing image of a target is not used. ``proprietary``: it is not public.
#: ``moving_target``: the telescope followed a planet or comet, so galaxies are trails.
NoChoices = Literal["", "proprietary", "moving_target"]

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


@dataclass(frozen=True, slots=True)
class Product:
    """A remote file that an archive offers."""

    archive: str
    #: The archive's own file name; unique within the archive.
    name: str
    band: str
    #: Its public address at the archive; written into the stamps.
    url: str
    #: Addresses of copies; they are tried first, in this order.
    mirrors: tuple[str, ...] = ()
    #: Length in bytes if the archive states one; it may be wrong.
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One target to look up at an archive."""

    target: Target
    #: Whether the identifier led to a wrong frame, so only the position may be used.
    by_position: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The products that an archive has for a target; none is a valid answer."""

    target: Target
    #: For each covered band, the products that hold the target, best first.
    choices: Mapping[str, Sequence[Product]]
    #: How they were found; empty if the archive has only one way.
    route: Route | Literal[""] = ""
    #: Why there are no choices, if that is known.
    reason: NoChoices = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Size of a product and addresses of its copies, as asked before fetching it."""

    #: Number of the product in the ledger.
    product: int
    #: Size in bytes; 0: the archive has no such file; None: unknown.
    size: int | None = None
    #: Addresses of copies, possibly none; None: unknown.
    mirrors: tuple[str, ...] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the archive, or the place of the copies, lacks the file."""
        return self.size == 0 or self.mirrors == ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stamp to be cut out of a frame."""

    target: int
    id: str
    ra: float
    dec: float
    #: Path of the stamp, relative to the output folder, with ``/``.
    file_loc: str
    #: Why a better image was not available, and its name; empty if this is the best.
    substitute: str = ""


@dataclass(frozen=True, slots=True)
class FrameJob:
    """A frame on disk and the stamps to cut from it: one task for a worker."""

    product: Product
    #: File of the frame as it was fetched, still compressed if the archive does that.
    path: str
    #: The output folder that ``file_loc`` is relative to.
    root: str
    wanted: tuple[Wanted, ...]
    spec: CutoutSpec
    #: False: only the parts that these stamps need were fetched.
    is_whole: bool = True


#: Problems of a galaxy that crashes or hangs the process that cuts it.
ENDS_WORKERS = frozenset({"worker_died", "worker_hung"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result for one stamp; ``problem`` is empty if the stamp is on disk."""

    target: int
    #: Short code: ``outside`` (target not in the frame), ``no_data`` (all NaN), or
    #: a reason to give the job up such as ``bad_wcs``.
    problem: str = ""
    file_loc: str = ""
    sha256: str = ""
    size: int = 0
    #: Fraction (0 to 1) of the stamp's pixels that lie in the frame and have a value.
    coverage: float = 0.0
    #: ``(ny, nx)`` in pixels.
    shape: tuple[int, int] = field(default=(0, 0))


@dataclass(frozen=True, slots=True)
class Cut:
    """The results for the stamps of one frame; iterating gives the receipts."""

    #: One for each wanted stamp, in the same order.
    receipts: list[Receipt]
    #: Bytes of the file, as the archive stores it, that these stamps require.
    needed: int = 0

    def __iter__(self) -> Iterator[Receipt]:
        return iter(self.receipts)

"""What travels between the parts: plain frozen records."""

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

#: How a target's frame is found: by its identifier, by an upload of its position, or
#: by the table of all fields.
Route = Literal["identifier", "crossid", "geometry"]

#: Why there is an image of a target and none to cut: ``proprietary``, it is not public;
#: ``moving_target``, it was made following a planet or comet, so that galaxies are
#: trails in it.
NoChoices = Literal["", "proprietary", "moving_target"]

#: Arcseconds in the units in which the side of a stamp may be given.
_ARCSEC = {"arcsec": 1, '"': 1, "arcmin": 60, "'": 60, "deg": 3600}
_SIZE = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]+)?)\s*(px|pix|pixels?|arcsec|arcmin|deg|\"|')?"
)
#: The side above which a stamp is asked about: 4 MB, and 8 MB in a camera of 0.13
#: arcsec a pixel.
_LARGE = {"px": 1024, "arcsec": 180}


@dataclass(frozen=True, slots=True)
class Target:
    """A galaxy of the catalogue that stamps are wanted of."""

    #: Place among the accepted rows of the catalogue, from 0; its key in the ledger.
    number: int
    #: Identifier, exactly as the catalogue spells it.
    id: str
    #: Right ascension, ICRS degrees, 0 <= ra < 360.
    ra: float
    #: Declination, ICRS degrees.
    dec: float
    #: Name of its files: made from ``id``, safe on any disk, unique in the run.
    stem: str
    #: Line or row of the catalogue file it came from, from 1.
    line: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """What is asked of one archive: ``sdss:r`` or ``hst:WFC3/IR:F160W,F140W``."""

    archive: str
    #: Instrument as the archive spells it; empty where the archive has only one.
    instrument: str
    bands: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``archive:[instrument:]bands``.

        `harvester.archives.registry.read_survey` also checks that they exist.
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
    """The side of a square stamp, in pixels of the frame or in arcsec of sky."""

    value: float
    unit: Literal["px", "arcsec"]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``40px``, ``40`` (pixels), ``15.84arcsec`` or ``2arcmin``."""
        match = _SIZE.fullmatch(text.strip().lower())
        if not match or float(match[1]) <= 0:
            msg = f"size {text!r} is neither like 124px nor like 15.84arcsec or 2arcmin"
            raise InputError(msg)
        if match[2] in _ARCSEC:
            # Rounded, so that 0.1arcmin is 6arcsec and not a little more.
            return cls(round(float(match[1]) * _ARCSEC[match[2]], 6), "arcsec")
        if not float(match[1]).is_integer():
            msg = f"size {text!r}: a number of pixels is whole"
            raise InputError(msg)
        return cls(float(match[1]), "px")

    def pixels(self, scale_arcsec: float) -> int:
        """Side in pixels of a frame whose pixels are ``scale_arcsec`` wide.

        The scale counts to the milliarcsecond: frames of one camera differ by less,
        and their stamps have to be of one size.
        """
        if self.unit == "px":
            return int(self.value)
        return max(1, round(self.value / max(0.001, round(scale_arcsec, 3))))

    def arcsec(self, scale_arcsec: float) -> float:
        """Side on the sky, for pixels that are ``scale_arcsec`` wide."""
        return self.value if self.unit == "arcsec" else self.value * scale_arcsec

    @property
    def is_large(self) -> bool:
        """Whether a stamp takes so much memory and disk that it may be a slip."""
        return self.value > _LARGE[self.unit]

    def __str__(self) -> str:
        return f"{self.value:g}{self.unit}"


@dataclass(frozen=True, slots=True)
class CutoutSpec:
    """How stamps are cut."""

    size: StampSize
    #: ``partial``: always the asked size, NaN outside the frame; ``trim``: smaller
    #: at an edge. The words are those of `astropy.nddata.Cutout2D`.
    mode: Mode = "partial"


@dataclass(frozen=True, slots=True)
class Product:
    """A remote file that an archive offers."""

    archive: str
    #: The archive's own file name; unique within the archive.
    name: str
    band: str
    #: Its address at the archive, as anyone may fetch it; goes into the stamps.
    url: str
    #: Addresses of the same bytes that are asked first, in this order.
    mirrors: tuple[str, ...] = ()
    #: Length in bytes, where the archive states one; a hint.
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One target that an archive is to be asked about."""

    target: Target
    #: What its identifier says of its place has proved wrong: go by the position.
    by_position: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What an archive has for a target; no choices: nothing there, an answer."""

    target: Target
    #: For each band that is covered the products that hold the target, best first.
    choices: Mapping[str, Sequence[Product]]
    #: How it was found; empty where an archive has one way only.
    route: Route | Literal[""] = ""
    #: Why there are no choices, where that can be told.
    reason: NoChoices = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What an archive said of one product before anything of it was fetched."""

    #: Its number in the ledger.
    product: int
    #: Bytes; 0: the archive has no such file; None: it was not told.
    size: int | None = None
    #: Where copies are, none included; None: it was not told.
    mirrors: tuple[str, ...] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it is not where it was expected."""
        return self.size == 0 or self.mirrors == ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stamp to be cut out of a frame."""

    target: int
    id: str
    ra: float
    dec: float
    #: Where the stamp goes, relative to the output folder, with ``/``.
    file_loc: str
    #: Why a better image was not had, and its name; empty if this is the best.
    substitute: str = ""


@dataclass(frozen=True, slots=True)
class FrameJob:
    """A frame on disk with every galaxy that needs it: one task of the pool."""

    product: Product
    #: The frame as it was fetched (still compressed, if the archive compresses it).
    path: str
    #: The output folder that ``file_loc`` is relative to.
    root: str
    wanted: tuple[Wanted, ...]
    spec: CutoutSpec
    #: False: what was fetched of it is enough for these stamps, and no others.
    is_whole: bool = True


#: Problems of a galaxy that ends the processes which cut it.
ENDS_WORKERS = frozenset({"worker_died", "worker_hung"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one stamp; ``problem`` is empty when it is on disk."""

    target: int
    #: Short code: ``outside`` (target not in the frame), ``no_data`` (all NaN), or
    #: a reason to give the job up such as ``bad_wcs``.
    problem: str = ""
    file_loc: str = ""
    sha256: str = ""
    size: int = 0
    #: Part of the stamp's pixels that lie in the frame and hold a value, 0..1.
    coverage: float = 0.0
    #: ``(ny, nx)`` in pixels.
    shape: tuple[int, int] = field(default=(0, 0))


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of the stamps of one frame; iterating gives the receipts."""

    #: One for each stamp that was wanted, in that order.
    receipts: list[Receipt]
    #: Bytes of the file, as the archive stores it, without which they cannot be made.
    needed: int = 0

    def __iter__(self) -> Iterator[Receipt]:
        return iter(self.receipts)

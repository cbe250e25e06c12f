"""The planes of a stamp, what the bits of its mask mean, and what is known of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .flags import Flag

__all__ = ["DEFAULT_PLANES", "Bit", "Plane", "StampFacts"]


class Plane(StrEnum):
    """An image of a stamp; all planes but PSF have the same pixels."""

    FLUX = "flux"
    """The image, in the unit of its frame; NaN where there is no value."""
    IVAR = "ivar"
    """Inverse variance of the flux; 0 where there is no value."""
    MASK = "mask"
    """Bits that say what is known of each pixel: `Bit`."""
    PSF = "psf"
    """The point spread function at the galaxy; its sum is 1."""


#: The planes of a stamp if the user names none.
DEFAULT_PLANES = (Plane.FLUX, Plane.MASK)


class Bit(IntFlag):
    """The bits of a mask. GOOD is the only one that says a pixel can be used."""

    GOOD = 1
    """The flux has a value, and nothing speaks against it: true is good."""
    OUTSIDE = 2
    """Outside of the frame."""
    NO_DATA = 4
    """In the frame, but without a value: NaN, BLANK, weight 0, or a row of zeros."""
    SATURATED = 8
    """The detector was full, so that the true flux is larger."""
    FILLED = 16
    """The value is from the neighbouring frame; such a pixel may be GOOD."""
    INTERPOLATED = 32
    """The value was made from those around it."""
    NO_NOISE = 64
    """The flux has a value, but its inverse variance is unknown."""


@dataclass(frozen=True, slots=True)
class StampFacts:
    """What is known of a stamp; None and empty texts are unknown.

    The fields are columns of the manifest, in this order.
    """

    #: Position of the galaxy in the stamp, along columns and rows, in pixels; the
    #: centre of the first pixel is 0.
    x: float | None = None
    y: float | None = None
    #: Columns and rows.
    nx: int | None = None
    ny: int | None = None
    #: Column and row of its first pixel in the frame, from 0; negative at an edge.
    x0: int | None = None
    y0: int | None = None
    #: Width of a pixel, arcsec.
    pixel_scale: float | None = None
    #: Position angle of the direction in which rows are counted, degrees east of north.
    orientation: float | None = None
    #: Whether east is to the right where north is up: the sky as seen from outside.
    flipped: bool | None = None
    #: Spelled as in the FITS standard.
    unit: str = ""
    #: AB magnitude of one unit in one pixel.
    zero_point: float | None = None
    #: Factor from the unit to nanojansky.
    to_njy: float | None = None
    #: Exposure time, seconds.
    exposure_s: float | None = None
    #: Start of the exposure, ISO 8601.
    date_obs: str = ""
    #: Full width at half maximum of the point spread function, arcsec, and its origin.
    psf_fwhm: float | None = None
    psf_source: str = ""
    #: By which factor the noise of large areas exceeds what the inverse variances of
    #: single pixels say; 1 if pixels are independent.
    corr_noise: float | None = None
    #: How the inverse variance was made.
    noise_source: str = ""
    #: Names of quality flags (`Flag`), separated by blanks.
    flags: str = ""
    #: Version of the frame: ``etag:`` or ``sha256:`` with what the server or its bytes
    #: give.
    parent: str = ""
    #: Neighbouring frames that some pixels are from, and their versions as above;
    #: several are separated by blanks.
    filled_from: str = ""
    filled_parent: str = ""

    def flagged(self, flag: Flag) -> Self:
        """Give these facts with one more flag."""
        return replace(self, flags=f"{self.flags} {flag}".strip())

    def to_json(self) -> str:
        """Give what is known as JSON; the same facts give the same text."""
        known = {k: v for k, v in asdict(self).items() if v not in (None, "")}
        return json.dumps(known, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` gave; of other versions, only fields that exist now."""
        known = json.loads(text) if text else {}
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in known.items() if name in names})

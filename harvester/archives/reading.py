"""What an archive tells of the pixels of its frames; used in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ..models import Product

    #: Gives the value of a frame's header card as text; empty if the card is missing.
    Lookup = Callable[[str], str]

__all__ = [
    "FrameHdu",
    "Noise",
    "OpenFrame",
    "PixelStack",
    "PointSpread",
    "Reading",
]


class FrameHdu(Protocol):
    """A header of an open frame file."""

    #: The simple values in the cards, as text without quotes.
    values: dict[str, str]
    #: Sizes of the axes in numpy's order, ``(ny, nx)`` for an image.
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """EXTNAME, in capitals; empty if there is none."""
        ...

    def header(self) -> Any:  # noqa: ANN401 - astropy, which is slow to import
        """Read the cards as an `astropy.io.fits.Header`."""
        ...


class OpenFrame(Protocol):
    """An open frame file, of which at least the needed parts are present."""

    def hdus(self) -> Iterator[Any]:
        """Yield the HDUs, each a `FrameHdu`, from the first on."""
        ...

    def data(self, hdu: Any) -> bytes:  # noqa: ANN401 - an HDU that `hdus` gave
        """Return the data of an HDU as they are in the file, without padding."""
        ...


class PixelStack(NamedTuple):
    """Pixels of stamps of one size, cut out of one frame; all of them lie in it."""

    #: ``(n, ny, nx)`` float32 in the unit of the frame, NaN where there is no value.
    flux: NDArray[np.float32]
    #: Row and column of the first pixel of each in the frame, ``(n, 2)``.
    first: NDArray[np.int64]
    #: ``(n, ny, nx)``: the image `Reading.weight`, and the image `Reading.error`.
    weight: NDArray[Any] | None
    error: NDArray[Any] | None


class Noise(Protocol):
    """What is known of the noise of one frame."""

    @property
    def source(self) -> str:
        """How the inverse variance is made, in a few words."""
        ...

    def ivar(self, stack: PixelStack) -> NDArray[np.float32]:
        """Give the inverse variance of each pixel, ``(n, ny, nx)``; 0: unknown.

        It depends only on the frame and on the pixels of the stamp itself: stamps must
        not depend on which others are cut with them.
        """
        ...


class PointSpread(NamedTuple):
    """The point spread function of a frame."""

    #: Full width at half maximum, arcsec.
    fwhm_arcsec: float
    #: Where that is from, in a few words.
    source: str
    #: ``(n, n)`` with an odd n, on pixels of the frame, its sum 1; None: unknown.
    image: NDArray[np.float32] | None = None


class Reading(Protocol):
    """How the pixels of a frame are read, and their unit; used in worker processes."""

    #: EXTNAME of the HDU with the science image, in capitals. Empty: the image is in
    #: the primary HDU, and no other HDU is read.
    science: str
    #: EXTNAME of the HDU of the same shape whose zeros mean "no data"; empty: none.
    #: It may be any HDU after ``science``.
    weight: str
    #: EXTNAME of the HDU of the same shape with the standard deviation of each pixel;
    #: read only if the plane ``ivar`` is asked for; empty: none. It is between
    #: ``science`` and ``weight``, so that no header after ``weight`` is fetched for it.
    error: str
    #: Whether images may be compressed tile by tile (``.fits.fz``).
    may_be_tiled: bool

    def unit(self, text: Lookup) -> str:
        """Name the unit of the pixels as the FITS standard does; empty if unknown."""
        ...

    def date_obs(self, text: Lookup) -> str:
        """Give the start of the observation, ISO 8601 in UTC; empty if unknown."""
        ...

    def saturation(self, text: Lookup) -> float | None:
        """Give the pixel value from which on the detector was full; None if unknown."""
        ...

    def corr_noise(self, text: Lookup) -> float | None:
        """Give the factor by which the noise of large areas exceeds that of pixels.

        It is 1 if pixels are independent, and None if it is unknown.
        """
        ...

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:
        """Give what is known of the noise of a frame; None if that is nothing.

        Called only if the plane ``ivar`` is asked for.
        """
        ...

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:
        """Give the point spread function of a frame; None if unknown."""
        ...

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time in seconds; None if unknown."""
        ...

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of one unit of the pixels; None if unknown."""
        ...

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:
        """Give further cards for the stamps: keyword, value, comment."""
        ...

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:
        """Name the other frame that the header describes; empty if it is ``product``.

        With ``is_empty`` no target lies in the frame: then weaker signs of another
        frame count too.
        """
        ...

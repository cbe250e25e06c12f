"""The WCS of a frame, which converts sky positions to pixels.

Each image uses the WCS in its own header: a galaxy may be up to ten pixels apart in two
bands of one field.
"""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PermanentError
from ..importing import IMPORTING

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.wcs import WCS
    from numpy.typing import NDArray

__all__ = ["Astrometry", "BadWcsError", "load_wcs", "read_astrometry"]

#: The cards that make up a celestial WCS of two axes (FITS papers I and II).
_WCS_CARD = re.compile(
    r"WCSAXES|(CTYPE|CUNIT|CRPIX|CRVAL|CDELT|CROTA)[12]|(CD|PC)[12]_[12]"
    r"|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)

#: The distortion terms that belong to a CTYPE that ends with -SIP.
_SIP_CARD = re.compile(r"[AB]P?_(ORDER|\d+_\d+)")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?", re.IGNORECASE)

#: The celestial reference frames of FITS paper II; the first two differ from ICRS by
#: half a degree.
_FRAMES = frozenset({"FK4", "FK4-NO-E", "FK5", "ICRS", "GAPPT"})

#: If RADESYS is missing, an equinox before this year means FK4 (FITS paper II, 3.1).
_FIRST_FK5 = 1984.0

#: `warnings.catch_warnings` changes all threads, so only one thread at a time uses it.
_quiet = threading.Lock()

#: Degrees; the distance over which the direction of north is measured: some pixels.
_STEP_DEG = 1 / 3600

#: Degrees; images with wider pixels are refused, because they cannot show galaxies.
_WIDEST_PIXEL = 0.1


class BadWcsError(PermanentError):
    """The image has no WCS, or one that cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_wcs", message)


@dataclass(frozen=True, slots=True)
class Astrometry:
    """The WCS of a frame, and the header cards that define it."""

    wcs: WCS
    #: The frame's own cards: keyword, value, comment.
    cards: tuple[tuple[str, float | str, str], ...]
    #: Width of a pixel in arcsec, the mean of both axes.
    scale_arcsec: float

    def to_pixels(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Convert sky positions to pixels.

        Parameters
        ----------
        ra, dec
            ICRS degrees, shape ``(n,)``.

        Returns
        -------
        tuple
            ``x, y`` in pixels; the centre of the first pixel is 0. NaN for positions
            that the projection cannot show, such as the other side of the sky.
        """
        # Without "quiet" astropy raises an error for all positions if one is so far
        # outside the image that the distortion has no inverse there.
        x, y = self.wcs.all_world2pix(ra, dec, 0, ra_dec_order=True, quiet=True)
        return x, y

    def to_sky(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Convert pixels, ``(n,)`` counted from 0, to ICRS degrees."""
        ra, dec = self.wcs.all_pix2world(x, y, 0, ra_dec_order=True)
        return ra, dec

    def orientations(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Give the position angle of the direction in which rows are counted.

        Parameters
        ----------
        ra, dec
            ICRS degrees, shape ``(n,)``.

        Returns
        -------
        numpy.ndarray
            Degrees east of north, 0 to 360, shape ``(n,)``. Away from the centre of an
            image it differs from that at its centre.
        """
        # Towards the equator, because there is nothing north of the pole.
        step = np.where(dec > 0, -_STEP_DEG, _STEP_DEG)
        x, y = self.to_pixels(ra, dec)
        to_x, to_y = self.to_pixels(ra, dec + step)
        sign = np.sign(step)
        from_rows = np.arctan2(-(to_x - x) * sign, (to_y - y) * sign)
        turn = from_rows if self.is_flipped else -from_rows
        return np.degrees(turn) % 360

    @property
    def is_flipped(self) -> bool:
        """Whether east is to the right where north is up."""
        return bool(np.linalg.det(self.wcs.pixel_scale_matrix) > 0)


def load_wcs() -> None:
    """Import astropy's WCS, which takes up to a third of a second."""
    with IMPORTING:
        import astropy.io.fits
        import astropy.wcs  # noqa: F401 - `read_astrometry` uses it


def read_astrometry(header: fits.Header) -> Astrometry:
    """Read the WCS of an image.

    SIP distortion terms are applied only if CTYPE ends with ``-SIP``: headers of
    CANDELS contain obsolete terms that would move galaxies by an arcminute.

    Raises
    ------
    BadWcsError
        The header has no WCS, the axes are not right ascension and declination, or
        the values cannot be used.
    """
    with IMPORTING:
        from astropy.io import fits
        from astropy.wcs import WCS
    # Astropy warns about many harmless deviations from the standard.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cards = tuple(_wcs_cards(header))
        try:
            wcs = WCS(fits.Header(cards), naxis=2)
            wcs.wcs.set()
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            msg = f"its WCS cannot be used: {' '.join(str(error).split())[:200]}"
            raise BadWcsError(msg) from error
    _check_axes(wcs)
    return Astrometry(wcs, cards, _scale_arcsec(wcs))


def _wcs_cards(
    header: fits.Header,
) -> list[tuple[str, float | str, str]]:
    is_sip = "CTYPE1" in header and "-SIP" in str(_read_card(header, "CTYPE1"))
    if is_sip and not {"A_ORDER", "B_ORDER"} <= set(header):
        msg = "its CTYPE states a SIP distortion, but the header lacks its terms"
        raise BadWcsError(msg)
    found = []
    for keyword in dict.fromkeys(header):
        # RADECSYS is how the FITS standard spelled it before 2002.
        name = "RADESYS" if keyword == "RADECSYS" else keyword
        if _WCS_CARD.fullmatch(name) or (is_sip and _SIP_CARD.fullmatch(name)):
            value = _read_lenient(header, keyword, name)
            if value is not None:
                found.append((name, value, header.comments[keyword]))
    _refuse_old_frame(dict(card[:2] for card in found))
    return found


def _read_lenient(header: fits.Header, keyword: str, name: str) -> float | str | None:
    """Read a card; None if its value is invalid but not needed to place pixels."""
    value = _value_of(header, keyword)
    text = str(value).strip().upper()
    match name:
        case "EQUINOX":
            return _number(value, text.lstrip("JB"))
        case "RADESYS":
            return text if text in _FRAMES else None
        case "LONPOLE" | "LATPOLE":
            number = _number(value, text)
            return _read_card(header, keyword) if text and number is None else number
    return _read_card(header, keyword)


def _value_of(header: fits.Header, keyword: str) -> float | str:
    """Return the value of a card; empty text if it is missing or cannot be parsed."""
    from astropy.io import fits  # the header has it

    try:
        value: float | str | None = header[keyword]
    except (fits.VerifyError, ValueError):
        return ""
    return "" if value is None or isinstance(value, fits.card.Undefined) else value


def _number(value: float | str, text: str) -> float | None:
    """Return a numeric value, also one written as text; None if it is not a number."""
    if isinstance(value, str):
        return float(text) if _NUMBER.fullmatch(text) else None
    return value


def _refuse_old_frame(cards: dict[str, float | str]) -> None:
    # FK4 differs from ICRS by half a degree: stamps would show other galaxies.
    frame, equinox = str(cards.get("RADESYS", "")), cards.get("EQUINOX", 2000.0)
    is_old = isinstance(equinox, int | float) and equinox < _FIRST_FK5
    if frame.startswith("FK4") or (is_old and not frame):
        msg = f"its positions are FK4 (RADESYS {frame!r}, EQUINOX {equinox}), not ICRS"
        raise BadWcsError(msg)


def _read_card(header: fits.Header, keyword: str) -> float | str:
    from astropy.io import fits  # the header has it

    try:
        value = header[keyword]
    except (fits.VerifyError, ValueError) as error:
        msg = f"its {keyword} cannot be read"
        raise BadWcsError(msg) from error
    wanted = str if keyword.startswith(("CTYPE", "CUNIT")) else int | float
    if not isinstance(value, wanted):
        msg = f"its {keyword} has the invalid value {value!r}"
        raise BadWcsError(msg)
    return value


def _check_axes(wcs: WCS) -> None:
    if not wcs.has_celestial or {wcs.wcs.lngtyp, wcs.wcs.lattyp} != {"RA", "DEC"}:
        axes = ", ".join(wcs.wcs.ctype)
        msg = f"its axes are not right ascension and declination but {axes!r}"
        raise BadWcsError(msg)
    numbers = [*wcs.wcs.crval, *wcs.wcs.crpix, *wcs.pixel_scale_matrix.flat]
    if not np.all(np.isfinite(numbers)):
        msg = f"its WCS has values that are not finite: {numbers}"
        raise BadWcsError(msg)


def _scale_arcsec(wcs: WCS) -> float:
    # The side lengths of a pixel, as in astropy's `proj_plane_pixel_scales`.
    scale = float(np.mean(np.sqrt((wcs.pixel_scale_matrix**2).sum(axis=0))))
    if not 0 < scale < _WIDEST_PIXEL:
        msg = f"its pixels are {scale} degrees wide"
        raise BadWcsError(msg)
    return scale * 3600

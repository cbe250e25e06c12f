"""Where the sky is in a frame: from its own WCS, and nothing else.

One galaxy lies up to ten pixels apart in two bands of SDSS, so that positions are
taken from the header of the very image that is cut.
"""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from astropy.io import fits

from ..errors import PermanentError
from ..importing import IMPORTING

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from numpy.typing import NDArray

__all__ = ["Astrometry", "BadWcsError", "read_astrometry"]

#: The cards that make up a celestial WCS of two axes (FITS papers I and II).
_WCS_CARD = re.compile(
    r"WCSAXES|(CTYPE|CUNIT|CRPIX|CRVAL|CDELT|CROTA)[12]|(CD|PC)[12]_[12]"
    r"|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)

#: The distortion terms that belong to a CTYPE that ends with -SIP.
_SIP_CARD = re.compile(r"[AB]P?_(ORDER|\d+_\d+)")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?", re.IGNORECASE)

#: The frames that FITS paper II knows; the first two are not near ICRS.
_FRAMES = frozenset({"FK4", "FK4-NO-E", "FK5", "ICRS", "GAPPT"})

#: Where RADESYS is missing an earlier equinox means FK4 (FITS paper II, 3.1).
_FIRST_FK5 = 1984.0

#: Warnings have one switch for all threads.
_quiet = threading.Lock()

#: Degrees; no image of galaxies has wider pixels.
_WIDEST_PIXEL = 0.1


class BadWcsError(PermanentError):
    """The image does not say, or not usably, where on the sky it is."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_wcs", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


@dataclass(frozen=True, slots=True)
class Astrometry:
    """The WCS of a frame, and the cards that make it up."""

    wcs: WCS
    #: The frame's own cards: keyword, value, comment.
    cards: tuple[tuple[str, float | str, str], ...]
    #: Width of a pixel in arcsec, the mean of both axes.
    scale_arcsec: float

    def to_pixels(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Find sky positions in the image.

        Parameters
        ----------
        ra, dec
            ICRS degrees, shape ``(n,)``.

        Returns
        -------
        tuple
            ``x, y`` in pixels, the first of which is 0 at its centre; NaN for what
            the projection cannot show, such as the other side of the sky.
        """
        # "quiet": far off the image the distortion has no inverse; that is no
        # reason to fail for those that are on it.
        x, y = self.wcs.all_world2pix(ra, dec, 0, ra_dec_order=True, quiet=True)
        return x, y


def read_astrometry(header: fits.Header) -> Astrometry:
    """Read the WCS of an image.

    Terms of a SIP distortion are not applied unless CTYPE names them: headers of
    CANDELS carry left-over ones that would move galaxies by a minute of arc.

    Raises
    ------
    BadWcsError
        There is none, it is not in right ascension and declination, or it cannot
        be computed with.
    """
    with IMPORTING:
        from astropy.wcs import WCS  # noqa: PLC0415 - half a second of units and frames
    # astropy warns of many harmless spellings.
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
        msg = "its CTYPE tells of a SIP distortion that the header does not have"
        raise BadWcsError(msg)
    found = []
    for keyword in dict.fromkeys(header):
        # SDSS writes RADECSYS, as FITS did before 2002.
        name = "RADESYS" if keyword == "RADECSYS" else keyword
        if _WCS_CARD.fullmatch(name) or (is_sip and _SIP_CARD.fullmatch(name)):
            value = _read_lenient(header, keyword, name)
            if value is not None:
                found.append((name, value, header.comments[keyword]))
    _refuse_old_frame(dict(card[:2] for card in found))
    return found


def _read_lenient(header: fits.Header, keyword: str, name: str) -> float | str | None:
    """Read a card; None if it is none, and decides nothing about where a pixel is."""
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
    """Give the value of a card; empty text if it has none, or cannot be parsed."""
    try:
        value: float | str | None = header[keyword]
    except (fits.VerifyError, ValueError):
        return ""
    return "" if value is None or isinstance(value, fits.card.Undefined) else value


def _number(value: float | str, text: str) -> float | None:
    """Give a value that is a number, or a text that says one."""
    if isinstance(value, str):
        return float(text) if _NUMBER.fullmatch(text) else None
    return value


def _refuse_old_frame(cards: dict[str, float | str]) -> None:
    # Half a degree from ICRS: every galaxy would lie outside, or be another one.
    frame, equinox = str(cards.get("RADESYS", "")), cards.get("EQUINOX", 2000.0)
    is_old = isinstance(equinox, int | float) and equinox < _FIRST_FK5
    if frame.startswith("FK4") or (is_old and not frame):
        msg = f"its positions are FK4 (RADESYS {frame!r}, EQUINOX {equinox}), not ICRS"
        raise BadWcsError(msg)


def _read_card(header: fits.Header, keyword: str) -> float | str:
    try:
        value = header[keyword]
    except (fits.VerifyError, ValueError) as error:
        msg = f"its {keyword} cannot be read"
        raise BadWcsError(msg) from error
    wanted = str if keyword.startswith(("CTYPE", "CUNIT")) else int | float
    if not isinstance(value, wanted):
        msg = f"its {keyword} cannot be {value!r}"
        raise BadWcsError(msg)
    return value


def _check_axes(wcs: WCS) -> None:
    if not wcs.has_celestial or {wcs.wcs.lngtyp, wcs.wcs.lattyp} != {"RA", "DEC"}:
        axes = ", ".join(wcs.wcs.ctype)
        msg = f"its axes are not right ascension and declination but {axes!r}"
        raise BadWcsError(msg)
    numbers = [*wcs.wcs.crval, *wcs.wcs.crpix, *wcs.pixel_scale_matrix.flat]
    if not np.all(np.isfinite(numbers)):
        msg = f"its WCS has numbers that are none: {numbers}"
        raise BadWcsError(msg)


def _scale_arcsec(wcs: WCS) -> float:
    # The lengths of the pixel's sides, as astropy's `proj_plane_pixel_scales` has them.
    scale = float(np.mean(np.sqrt((wcs.pixel_scale_matrix**2).sum(axis=0))))
    if not 0 < scale < _WIDEST_PIXEL:
        msg = f"its pixels are {scale} degrees wide"
        raise BadWcsError(msg)
    return scale * 3600

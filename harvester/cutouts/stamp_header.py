"""The file of a stamp: its planes, with WCS, unit, zero point and origin as cards."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..models import Bit
from .stamp_file import Extension, to_cards, to_fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..archives.reading import Lookup, Reading
    from ..models import Product, StampFacts, Wanted
    from .astrometry import Astrometry
    from .pixels import Stamp
    from .stamp_facts import FrameScience
    from .stamp_file import Card

__all__ = ["StampHeader", "inverse_square"]

#: Characters of an identifier that the header stores, so that it fits into one card.
_LONGEST_ID = 60

#: Cards of the WCS that each stamp has of its own.
_OWN_WCS = frozenset({"WCSAXES", "CRPIX1", "CRPIX2"})

#: Zero of the modified Julian date.
_MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)

#: A unit, or one divided by others.
_QUOTIENT = re.compile(r"[A-Za-z]+(/[A-Za-z]+)*")

#: What the bits of the mask mean: GOOD is the only one that says a pixel can be used.
_BIT_CARDS = to_cards(
    [(f"BIT{bit.bit_length() - 1}", str(bit.name), f"value {bit:d}") for bit in Bit]
)


class StampHeader:
    """Makes the files of the stamps of one frame; the common cards are made once.

    Parameters
    ----------
    product
        The product that the frame is.
    look_up
        Returns a card of the frame as text, empty if there is none.
    sky
        The astrometry of the frame.
    reading
        How the archive's pixels are read.
    science
        What is known of the frame.
    """

    def __init__(
        self,
        product: Product,
        look_up: Lookup,
        sky: Astrometry,
        reading: Reading,
        science: FrameScience,
    ) -> None:
        wcs = to_cards([card for card in sky.cards if card[0] not in _OWN_WCS])
        about = [
            *_photometry_cards(science.common),
            *_origin_cards(product, look_up, reading),
        ]
        self.science = science
        #: Cards that all stamps of the frame share.
        self._common = wcs + to_cards(about)
        self._wcs = wcs
        self._unit = science.common.unit
        self._reference = sky.wcs.wcs.crpix

    def file(
        self, wanted: Wanted, stamp: Stamp, coverage: float, facts: StampFacts
    ) -> bytes:
        """Return the bytes of the file of a stamp.

        Parameters
        ----------
        coverage
            Fraction of the requested pixels that have a value.
        """
        place = self._wcs_cards(stamp.place.origin)
        own = [*_own_cards(wanted, coverage, facts), *place]
        beside = list(self._extensions(stamp, to_cards(place) + self._wcs))
        return to_fits(stamp.planes.flux, own, self._common, beside)

    def _wcs_cards(self, origin: tuple[int, int]) -> list[Card]:
        row, column = origin
        return [
            # WCSAXES must come before every other card of the WCS.
            ("WCSAXES", 2, "axes of the world coordinates"),
            ("CRPIX1", float(self._reference[0] - column), "reference column"),
            ("CRPIX2", float(self._reference[1] - row), "reference row"),
        ]

    def _extensions(self, stamp: Stamp, wcs: bytes) -> Iterator[Extension]:
        if stamp.planes.ivar is not None:
            unit = inverse_square(self._unit)
            cards: list[Card] = [("BUNIT", unit, "0: unknown")] if unit else []
            yield Extension("IVAR", stamp.planes.ivar, wcs + to_cards(cards))
        if self.science.has_mask:
            yield Extension("MASK", stamp.planes.bits, wcs + _BIT_CARDS)
        spread = self.science.point_spread
        if spread is not None and spread.image is not None:
            source: Card = ("PSFSRC", spread.source, "where it is from")
            yield Extension("PSF", spread.image, to_cards([source]))


def inverse_square(unit: str) -> str:
    """Give the unit of an inverse variance; empty if that of the pixels is unusual.

    A power of a term in brackets is in the FITS standard, but astropy cannot read it.
    """
    if not _QUOTIENT.fullmatch(unit):
        return ""
    above, *below = unit.split("/")
    return " ".join([f"{above}-2", *(f"{each}2" for each in below)])


def _own_cards(wanted: Wanted, coverage: float, facts: StampFacts) -> list[Card]:
    found: list[tuple[str, Any, str]] = [
        ("OBJECT", wanted.id[:_LONGEST_ID], "identifier in the catalogue"),
        ("RA", wanted.ra, "[deg] of the target, ICRS"),
        ("DEC", wanted.dec, "[deg] of the target, ICRS"),
        ("COVERAGE", coverage, "part of the pixels that hold a value"),
        ("XPOS", facts.x, "column of the target, from 0"),
        ("YPOS", facts.y, "row of the target, from 0"),
        ("X0", facts.x0, "column of the first pixel in the frame, from 0"),
        ("Y0", facts.y0, "row of the first pixel in the frame, from 0"),
        ("ORIENTAT", facts.orientation, "[deg] of +y axis, east of north"),
        ("QUALITY", facts.flags, "flags of the quality"),
        ("FILLFROM", facts.filled_from, "frame of the pixels with bit FILLED"),
    ]
    return [found[0], *_known(found[1:]), *_substitute_cards(wanted)]


def _known(cards: list[tuple[str, Any, str]]) -> list[Card]:
    return [card for card in cards if card[1] not in (None, "")]


def _origin_cards(product: Product, look_up: Lookup, reading: Reading) -> list[Card]:
    return [
        ("FILTER", product.band, "band"),
        *_copied(look_up, "TELESCOP", "telescope"),
        *_copied(look_up, "INSTRUME", "instrument"),
        *_copied(look_up, "ORIGIN", "who made the frame"),
        *reading.cards(product, look_up),
        ("SURVEY", product.archive, "archive that the frame is from"),
        ("PRODUCT", product.name, "the archive's name of it"),
        ("LONGSTRN", "OGIP 1.0", "long text goes on in CONTINUE"),
        ("SRCURL", product.url, "where it is"),
        ("CREATOR", f"harvester {__version__}", "program that cut the stamp"),
    ]


def _substitute_cards(wanted: Wanted) -> list[Card]:
    """Return a card with the reason if the stamp is not from the best image."""
    why = wanted.substitute
    return [("SUBSTITU", why, "why a better image was not had")] if why else []


def _photometry_cards(facts: StampFacts) -> list[Card]:
    return _known(
        [
            ("BUNIT", facts.unit, "unit of the pixels"),
            ("MAGZERO", facts.zero_point, "AB magnitude of one unit"),
            ("TONJY", facts.to_njy, "factor from the unit to nanojansky"),
            ("EXPTIME", facts.exposure_s, "[s] exposure time"),
            ("DATE-OBS", facts.date_obs, "start of the exposure, UTC"),
            # Without it astropy warns of each stamp that it was made of the date.
            ("MJD-OBS", _mjd(facts.date_obs), "[d] the same"),
            ("PSFFWHM", facts.psf_fwhm, "[arcsec] FWHM of the PSF"),
            ("PSFSRC", facts.psf_source, "where that is from"),
            ("CORRNOIS", facts.corr_noise, "noise of large areas / that of IVAR"),
            ("NOISESRC", facts.noise_source, "how IVAR was made"),
        ]
    )


def _mjd(date: str) -> float | None:
    """Give the modified Julian date of an ISO date in UTC; None if it has none."""
    if not date:
        return None
    since = datetime.fromisoformat(date).replace(tzinfo=UTC) - _MJD_0
    return round(since / timedelta(days=1), 8)


def _copied(look_up: Lookup, keyword: str, comment: str) -> list[Card]:
    text = look_up(keyword)
    return [(keyword, text, comment)] if text else []

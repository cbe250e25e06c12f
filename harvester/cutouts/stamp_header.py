"""The header cards of a stamp: WCS, unit, zero point and origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import __version__
from .stamp_file import to_cards

if TYPE_CHECKING:
    from ..archives.kind import Lookup, Reading
    from ..models import Product, Wanted
    from .astrometry import Astrometry
    from .stamp_file import Card

__all__ = ["StampHeader"]

#: Characters of an identifier that the header stores, so that it fits into one card.
_LONGEST_ID = 60


class StampHeader:
    """Header cards for the stamps of one frame; the common cards are made once.

    Parameters
    ----------
    product
        The product that the frame is.
    look_up
        Returns a card of the frame as text, empty if there is none.
    sky
        The astrometry of the frame.
    reading
        How the archive's pixels are read: their unit, zero point and exposure time.
    """

    def __init__(
        self, product: Product, look_up: Lookup, sky: Astrometry, reading: Reading
    ) -> None:
        #: Cards that all stamps of the frame share.
        self.common = to_cards(_common_cards(product, look_up, sky, reading))
        self._reference = sky.wcs.wcs.crpix

    def own(
        self, wanted: Wanted, origin: tuple[int, int], coverage: float
    ) -> list[Card]:
        """Return the cards of one stamp.

        Parameters
        ----------
        origin
            Row and column of the first pixel of the stamp in the frame.
        coverage
            Fraction of the requested pixels that have a value.
        """
        row, column = origin
        return [
            ("OBJECT", wanted.id[:_LONGEST_ID], "identifier in the catalogue"),
            ("RA", wanted.ra, "[deg] of the target, ICRS"),
            ("DEC", wanted.dec, "[deg] of the target, ICRS"),
            ("COVERAGE", coverage, "part of the pixels that hold a value"),
            *_substitute_cards(wanted),
            # WCSAXES must come before every other card of the WCS.
            ("WCSAXES", 2, "axes of the world coordinates"),
            ("CRPIX1", float(self._reference[0] - column), "reference column"),
            ("CRPIX2", float(self._reference[1] - row), "reference row"),
        ]


def _common_cards(
    product: Product, look_up: Lookup, sky: Astrometry, reading: Reading
) -> list[Card]:
    elsewhere = {"WCSAXES", "CRPIX1", "CRPIX2"}
    return [
        *(card for card in sky.cards if card[0] not in elsewhere),
        *_photometry_cards(look_up, reading),
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


def _photometry_cards(look_up: Lookup, reading: Reading) -> list[Card]:
    unit, exposure = reading.unit(look_up), reading.exposure_s(look_up)
    magnitude = reading.zero_point(look_up)
    cards: list[Card] = [("BUNIT", unit, "unit of the pixels")] if unit else []
    if magnitude is not None:
        cards.append(("MAGZERO", magnitude, "AB magnitude of one unit"))
    if exposure is not None:
        cards.append(("EXPTIME", exposure, "[s] exposure time"))
    return cards


def _copied(look_up: Lookup, keyword: str, comment: str) -> list[Card]:
    text = look_up(keyword)
    return [(keyword, text, comment)] if text else []

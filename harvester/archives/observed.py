"""The time at which an observation began, from the cards that archives write."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .cards import first_number, iso_date

if TYPE_CHECKING:
    from .reading import Lookup

__all__ = ["date_observed"]

#: Day 0 of the modified Julian date.
_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
#: Days; a larger date is later than the year 4000, and is not one.
_MOST_DAYS = 1_000_000.0


def date_observed(text: Lookup) -> str:
    """Give the start of the first exposure in UTC, ISO 8601; empty if unknown.

    ``DATE-BEG`` is of the FITS standard, and JWST has it. HST has ``DATE-OBS`` and
    ``TIME-OBS``; its mosaics often lack the first, and then ``EXPSTART`` tells (MJD).
    """
    begun = iso_date(lambda key: text("DATE-BEG") if key == "DATE-OBS" else "")
    stated = begun or iso_date(text)
    return stated or _from_days(first_number(text, "EXPSTART", "MJD-BEG"))


def _from_days(days: float | None) -> str:
    if days is None or not 0 < days < _MOST_DAYS:
        return ""
    moment = _EPOCH + timedelta(milliseconds=math.floor(days * 86_400_000 + 0.5))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00")

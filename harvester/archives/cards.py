"""Values of header cards, for the readings of several archives."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reading import Lookup

__all__ = ["first_number", "iso_date"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")
_INSTANT = re.compile(f"{_DATE.pattern}(T{_TIME.pattern})?")


def first_number(text: Lookup, *keywords: str) -> float | None:
    """Give the first finite number among these cards; None if there is none."""
    numbers = (_number(text(keyword)) for keyword in keywords)
    return next((one for one in numbers if one is not None), None)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def iso_date(text: Lookup) -> str:
    """Give DATE-OBS, with TIME-OBS if it has no time, as ISO 8601; empty if unknown.

    Dates as FITS had them before 1999 (``31/12/98``) are not read: the standard allows
    them for the years 1900 to 1999 only, before the frames that are harvested.
    """
    date, time = text("DATE-OBS").strip(), text("TIME-OBS").strip()
    if _DATE.fullmatch(date) and _TIME.fullmatch(time):
        date = f"{date}T{time}"
    return date if _INSTANT.fullmatch(date) and _exists(date) else ""


def _exists(date: str) -> bool:
    """Whether it is not a date like the 30th of February."""
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True

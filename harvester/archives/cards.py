"""Values of header cards, for the readings of several archives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kind import Lookup

__all__ = ["first_number"]


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

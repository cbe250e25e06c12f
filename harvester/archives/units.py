"""Units of pixels, in a spelling that astropy reads.

Archives write ``ELECTRONS/S`` or ``counts``, which astropy refuses. The FITS standard
(section 4.3) has ``count`` and ``adu``. It has no electron: ``electron`` is the word of
the VOUnit standard, and astropy reads it unless ``format="fits"`` is demanded.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["fits_unit"]

#: Words in the archives' units, in small letters, and what the standards call them.
_WORDS = {
    "count": "count",
    "counts": "count",
    "dn": "adu",
    "e-": "electron",
    "electron": "electron",
    "electrons": "electron",
    "s": "s",
    "sec": "s",
    "second": "s",
    "seconds": "s",
}
#: Abbreviations of whole units.
_ABBREVIATIONS = {"cps": "count/s"}

_BROKEN = re.compile(r"(?P<top>[a-z-]+?) */ *(?P<below>[a-z]+)")
_POWER = re.compile(r"(?P<top>[a-z-]+?)[ .*]+(?P<below>[a-z]+) *(?:\*\*|\^)? *\(?-1\)?")


@lru_cache(maxsize=64)
def fits_unit(text: str) -> str:
    """Give a unit in the standards' spelling; empty if astropy does not know it."""
    words = text.strip()
    return _respelled(words.lower()) or (words if _is_standard(words) else "")


def _respelled(text: str) -> str:
    if text in _ABBREVIATIONS:
        return _ABBREVIATIONS[text]
    match = _BROKEN.fullmatch(text) or _POWER.fullmatch(text)
    if match is None:
        return _WORDS.get(text, "")
    top, below = (_WORDS.get(match[part], "") for part in ("top", "below"))
    return f"{top}/{below}" if top and below else ""


def _is_standard(text: str) -> bool:
    from astropy import units

    if not text:
        return False
    try:
        units.Unit(text)
    except ValueError:
        return False
    return True

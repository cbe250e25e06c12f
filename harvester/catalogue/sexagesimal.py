"""Text such as ``12:34:56.7``, ``12h34m56.7s`` and ``-1° 23' 45"`` as numbers.

The caller decides whether a number means hours or degrees: with colons and blanks it
may be either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SexagesimalParts", "parse_sexagesimal"]

#: Three parts. The minutes may have decimals instead of seconds only if letters mark
#: the parts: see `_MINUTES_ONLY`.
_SEXAGESIMAL = (
    r"^(?P<sign>[+-]?)\s*(?P<whole>\d{1,3})\s*(?P<mark>[:hd\s])\s*"
    r"(?P<minutes>[0-5]?\d)\s*[:m'\s]\s*"
    r"(?P<seconds>[0-5]?\d(?:\.\d*)?|60(?:\.0*)?)\s*[s\"]?$"
)
_MINUTES_ONLY = (
    r"^(?P<sign>[+-]?)\s*(?P<whole>\d{1,3})\s*(?P<mark>[hd])\s*"
    r"(?P<minutes>[0-5]?\d(?:\.\d*)?)\s*[m']$"
)
_NAMES = ("sign", "whole", "mark", "minutes", "seconds")
#: Characters in use for the minus sign and for the marks of degrees, hours, minutes
#: and seconds, and the characters that replace them.
_TYPED = (
    ("[\u2212\u2013]", "-"),
    ("[\u00b0\u00ba\u02da\u1d48]|deg", "d"),
    ("\u02b0", "h"),
    ("\u1d50", "m"),
    ("\u02e2", "s"),
    ("[\u2033\u201c\u201d\u02ba]|''", '"'),
    ("[\u2032\u2018\u2019\u00b4\u02b9]", "'"),
    ("''", '"'),
    # Printed tables put the mark of the seconds above the decimal point.
    (r"(\d)\s*([s\"])\s*\.\s*(\d+)$", r"\1.\3\2"),
    (r"(\d)\.([s\"])\s*(\d+)$", r"\1.\3\2"),
)


@dataclass(frozen=True, slots=True)
class SexagesimalParts:
    """The parts of each text; null where it is not a sexagesimal angle."""

    #: Structs of text: sign, whole, mark, minutes and seconds.
    rows: pa.Array

    def _number(self, name: str) -> NDArray[np.float64]:
        numbers: NDArray[np.float64] = (
            pc.struct_field(self.rows, name)
            .cast(pa.float64())
            .to_numpy(zero_copy_only=False)
        )
        return numbers

    def value(self) -> NDArray[np.float64]:
        """Return hours or degrees, shape ``(n,)``; NaN where it is not an angle."""
        value = (
            self._number("whole")
            + self._number("minutes") / 60
            + self._number("seconds") / 3600
        )
        negative = pc.equal(pc.struct_field(self.rows, "sign"), "-").fill_null(False)
        return np.where(negative.to_numpy(zero_copy_only=False), -value, value)

    def has_mark(self, letter: str) -> NDArray[np.bool_]:
        """Return a mask of the rows with this letter behind the first number."""
        found = pc.equal(pc.struct_field(self.rows, "mark"), letter).fill_null(False)
        rows: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return rows


def parse_sexagesimal(text: pa.Array) -> SexagesimalParts:
    """Parse every text, with any of the marks in use."""
    text = pc.utf8_lower(text)
    plain = pc.extract_regex(text, _SEXAGESIMAL)
    if plain.null_count == text.null_count:
        return SexagesimalParts(plain)  # all are parsed: skip the slower patterns
    for typed, sign in _TYPED:
        text = pc.replace_substring_regex(text, typed, sign)
    whole = pc.extract_regex(text, _SEXAGESIMAL)
    return SexagesimalParts(_first(whole, pc.extract_regex(text, _MINUTES_ONLY)))


def _first(whole: pa.Array, short: pa.Array) -> pa.Array:
    """Return the parts of an angle with seconds, else those of one without."""
    zeros = pa.array(["0"] * len(whole), pa.string())
    is_short = pc.and_(pc.is_null(whole), pc.is_valid(short))
    columns = [
        pc.if_else(
            is_short,
            zeros if name == "seconds" else pc.struct_field(short, name),
            pc.struct_field(whole, name),
        )
        for name in _NAMES
    ]
    return pa.StructArray.from_arrays(columns, _NAMES)

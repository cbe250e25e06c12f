"""Positions in several columns: hours, minutes and seconds, and a column of signs.

The machine-readable tables of the AAS and of the CDS have ``RAh RAm RAs DE- DEd DEm
DEs``. Without the sign column a declination of -0 degrees would lose its sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .sheets import Sheet

__all__ = ["SplitColumns", "find_split", "lost_signs", "split_degrees"]

#: Endings of names for hours or degrees, minutes, and seconds.
_PARTS = {
    "RA": (r"h|hr|hrs|hour|hours", r"m|min|mins|minutes?", r"s|sec|secs|seconds?"),
    "Dec": (r"d|deg|degs|degrees?", r"m|min|arcmin|minutes?", r"s|sec|arcsec|seconds?"),
}
_WORDS = {"RA": "ra", "Dec": "de|dec|decl"}
_FRAMES = r"(?:j?2000|_j2000|icrs|b?1950)?"
_SIGN = re.compile(r"(?:de|dec|decl)_?(?:-|[+]-|[+]/-|sign|sgn)", re.IGNORECASE)
_PLAIN = re.compile(r"[\s_]+")


@dataclass(frozen=True, slots=True)
class SplitColumns:
    """The names of the columns of one coordinate."""

    #: The column of hours or degrees.
    whole: str
    minutes: str
    #: Empty if the minutes have decimals instead.
    seconds: str = ""
    #: Empty if the column of degrees includes the sign.
    sign: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the table has."""
        parts = (self.sign, self.whole, self.minutes, self.seconds)
        return tuple(filter(None, parts))

    def __str__(self) -> str:
        """Return the names, separated by blanks."""
        return " ".join(self.names)


def find_split(names: Sequence[str]) -> tuple[SplitColumns, SplitColumns] | None:
    """Find the columns of right ascension and declination; None if they are whole."""
    right, declination = _of_axis(names, "RA"), _of_axis(names, "Dec")
    if right is None or declination is None:
        return None
    sign = next((name for name in names if _SIGN.fullmatch(name.strip())), "")
    return SplitColumns(*right), SplitColumns(*declination, sign)


def _of_axis(names: Sequence[str], axis: str) -> tuple[str, str, str] | None:
    found = []
    for part in _PARTS[axis]:
        pattern = re.compile(rf"(?:{_WORDS[axis]}){_FRAMES}(?:{part}){_FRAMES}")
        plain = {_PLAIN.sub("", name.lower()): name for name in reversed(names)}
        match = next((own for key, own in plain.items() if pattern.fullmatch(key)), "")
        found.append(match)
    whole, minutes, seconds = found
    return (whole, minutes, seconds) if whole and minutes else None


def split_degrees(sheet: Sheet, split: SplitColumns, step: float) -> pa.Array:
    """Combine the columns of a coordinate into degrees.

    Parameters
    ----------
    step
        Degrees in one unit of the column ``whole``: 15 for hours.

    Returns
    -------
    pyarrow.Array
        Null where minutes or seconds are not in 0..60, and where the sign of a
        declination may be lost.
    """
    whole, minutes = _numbers(sheet, split.whole), _numbers(sheet, split.minutes)
    seconds = _numbers(sheet, split.seconds) if split.seconds else np.zeros(len(whole))
    value = np.abs(whole) + minutes / 60 + seconds / 3600
    is_sound = _is_below_60(minutes) & _is_below_60(seconds)
    degrees = np.where(is_sound, value * step, np.nan)
    negative, is_lost = _signs(sheet, split, whole)
    degrees[is_lost] = np.nan
    return pa.array(np.where(negative, -degrees, degrees), from_pandas=True)


def lost_signs(sheet: Sheet, split: SplitColumns) -> int:
    """Count the rows with 0 degrees in a column of integers, which may mean -0."""
    return int(_signs(sheet, split, _numbers(sheet, split.whole))[1].sum())


def _is_below_60(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((values >= 0) & (values <= 60))  # noqa: PLR2004 - sexagesimal


def _numbers(sheet: Sheet, name: str) -> NDArray[np.float64]:
    column = sheet.column(name)
    if pa.types.is_string(column.type):
        text = pc.replace_substring(pc.utf8_trim_whitespace(column), "\u2212", "-")
        is_number = pc.match_substring_regex(text, r"^[+-]?\d+\.?\d*$")
        column = pc.if_else(is_number, text, pa.scalar(None, pa.string()))
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(
        zero_copy_only=False
    )
    return values


def _signs(
    sheet: Sheet, split: SplitColumns, whole: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a mask of the negative rows, and one of the rows with a lost sign."""
    nowhere = np.zeros(len(whole), bool)
    if split.sign:
        return _begins_with_minus(sheet.column(split.sign)), nowhere
    column = sheet.column(split.whole)
    if pa.types.is_string(column.type):
        return _begins_with_minus(column), nowhere
    negative = np.signbit(whole)
    # An integer cannot be -0: if other rows are south, the sign of a 0 is unknown.
    if pa.types.is_integer(column.type) and negative.any():
        return negative, whole == 0
    return negative, nowhere


def _begins_with_minus(column: pa.Array) -> NDArray[np.bool_]:
    if not pa.types.is_string(column.type):
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.asarray(numbers < 0)
    is_minus = pc.match_substring_regex(column, "^\\s*[-\u2212]").fill_null(False)
    found: NDArray[np.bool_] = is_minus.to_numpy(zero_copy_only=False)
    return found

"""Convert the positions of a catalogue to ICRS degrees.

Numbers are degrees unless the unit of the column is another. Text with colons, blanks
or letters is sexagesimal; right ascension is then in hours. Positions in another frame
are transformed to ICRS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .sexagesimal import parse_sexagesimal
from .sky_frames import ICRS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .angle_units import AngleUnit
    from .sky_frames import SkyFrame

__all__ = [
    "Positions",
    "designation_in",
    "designations",
    "holds_numbers",
    "read_positions",
    "seem_hours",
]

_Axis = Literal["RA", "Dec", "longitude", "latitude"]

#: Degrees in the full circle, and at the pole.
_CIRCLE, _POLE = 360.0, 90.0
#: Hours of right ascension in the full circle, and degrees in an hour.
_DAY, _HOUR = 24.0, 15.0
#: Numbers that catalogues write to mean "no value".
_SENTINELS = [-9999.0, -999.0, 999.0, 9999.0]
#: Text that means "no value", in lower case.
_NO_VALUE = {"", "nan", "-", "--", "---", "...", "null", "none", "na", "n/a", "masked"}
#: Degrees; a right ascension beyond them is an error. It is not an angle to be
#: wrapped into 0..360.
_LOWEST_RA, _HIGHEST_RA = -360.0, 720.0

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
#: Sexagesimal text without letters: it may be hours or degrees.
_WITH_COLONS = r"^[+-]?(?P<whole>\d{1,3})[:\s]\s*[0-5]?\d[:\s]\s*[0-5]?\d(?:\.\d*)?$"

_DESIGNATION = re.compile(r"\bJ\d{6}(?:\.\d+)?[+-]\d{6}(?:\.\d+)?")

#: Values that are examined to decide whether text holds numbers.
_SAMPLE = 1000
#: Values that are parsed at a time: parsing text takes several times its memory.
_PART = 65_536

#: Added before a designation is truncated, in units of its last digit, so that 15.00 s
#: does not become 14.99 s by rounding errors.
_NUDGE = 1e-4


@dataclass(frozen=True, slots=True)
class Positions:
    """The position of every row, and why some rows have none."""

    #: Right ascension, degrees, 0 <= ra < 360; NaN in a row with a problem.
    ra: NDArray[np.float64]
    #: Declination, degrees; NaN in a row with a problem.
    dec: NDArray[np.float64]
    #: For each unusable row (from 0), what is wrong with it.
    problems: dict[int, str]
    #: Sentences for the user about all positions.
    notes: list[str]


def read_positions(
    ra: pa.Array,
    dec: pa.Array,
    *,
    ra_unit: AngleUnit | None = None,
    dec_unit: AngleUnit | None = None,
    frame: SkyFrame = ICRS,
) -> Positions:
    """Convert two columns to ICRS degrees, and find the rows without a position.

    Parameters
    ----------
    ra, dec
        Right ascension and declination, or longitude and latitude of ``frame``.
    ra_unit, dec_unit
        The units that the columns state. None if they state none: numbers are then
        degrees, and the form of sexagesimal text decides.
    """
    axes: tuple[_Axis, _Axis] = ("RA", "Dec")
    if not frame.is_equatorial:
        axes = ("longitude", "latitude")
    alpha = _in_degrees(ra, ra_unit, axes[0])
    delta = _in_degrees(dec, dec_unit, axes[1])
    are_hours = bool(ra_unit and ra_unit.degrees == _HOUR)
    highest = _CIRCLE if are_hours else _HIGHEST_RA  # hours above 24 are errors
    bad_ra = ~((alpha >= _LOWEST_RA) & (alpha <= highest))
    bad_ra |= np.isin(alpha, _sentinels(ra_unit))
    bad_dec = ~(np.abs(delta) <= _POLE)
    problems = {
        int(row): _problem(axes[0], ra[row].as_py(), float(alpha[row]), ra_unit)
        for row in np.flatnonzero(bad_ra)
    } | {
        int(row): _problem(axes[1], dec[row].as_py(), float(delta[row]), dec_unit)
        for row in np.flatnonzero(bad_dec & ~bad_ra)
    }
    beyond = int(((np.abs(delta) > _POLE) & (np.abs(delta) <= _CIRCLE)).sum())
    bad = bad_ra | bad_dec
    alpha[bad], delta[bad] = np.nan, np.nan
    notes = [
        *_unit_notes(axes[0], ra_unit),
        *_unit_notes(axes[1], dec_unit),
        *_wrap_notes(axes[0], int(((alpha < 0) | (alpha >= _CIRCLE)).sum())),
        *_swap_notes(beyond, len(dec)),
    ]
    if not frame.is_icrs:
        alpha, delta = frame.to_icrs(_wrapped(alpha), delta)
        notes.append(f"Positions were transformed from {frame} to ICRS.")
    return Positions(_wrapped(alpha), delta, problems, notes)


def _in_degrees(
    column: pa.Array, unit: AngleUnit | None, axis: _Axis
) -> NDArray[np.float64]:
    values = np.empty(len(column))
    for start in range(0, len(column), _PART):
        part = slice(start, start + _PART)
        values[part] = _degrees(column[part], unit, axis)
    return values


def _degrees(
    column: pa.Array, unit: AngleUnit | None, axis: _Axis
) -> NDArray[np.float64]:
    """Return degrees; NaN for values that cannot be parsed."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _degrees_of_text(column, unit, axis)
    try:
        values = _floats(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), np.nan)
    with np.errstate(over="ignore"):  # a number near the largest becomes infinite
        return values * (unit.degrees if unit else 1.0)


def _degrees_of_text(
    column: pa.Array, unit: AngleUnit | None, axis: _Axis
) -> NDArray[np.float64]:
    text = pc.replace_substring_regex(
        pc.utf8_trim_whitespace(column), "[\u2212\u2013]", "-"
    )
    is_number = pc.match_substring_regex(text, _NUMBER)
    numbers = _floats(pc.if_else(is_number, text, pa.scalar(None, text.type)))
    degrees = numbers * (unit.degrees if unit else 1.0)
    if unit and unit.form == "text":
        degrees[:] = np.nan  # a number is not hours, minutes and seconds
    elif pc.all(is_number).as_py():
        return degrees
    return np.where(np.isnan(degrees), _sexagesimal(text, unit, axis), degrees)


def _sexagesimal(
    text: pa.Array, unit: AngleUnit | None, axis: _Axis
) -> NDArray[np.float64]:
    if unit and unit.degrees not in {1.0, _HOUR}:
        return np.full(len(text), np.nan)  # only hours and degrees are sexagesimal
    parts = parse_sexagesimal(text.cast(pa.string()))
    value = parts.value()
    hours = np.where(np.abs(value) <= _DAY, value * _HOUR, np.nan)
    if axis != "RA":
        return np.where(parts.has_mark("h"), np.nan, value)
    # Text with colons or blanks is hours unless the unit is degrees; letters decide.
    if unit and unit.degrees == 1:
        return np.where(parts.has_mark("h"), hours, value)
    return np.where(parts.has_mark("d"), value, hours)


def holds_numbers(column: pa.Array) -> bool:
    """Return whether the first values of a column are numbers, also as text."""
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
    head = pc.utf8_trim_whitespace(pc.drop_null(column[:_SAMPLE]))
    return bool(len(head)) and pc.all(pc.match_substring_regex(head, _NUMBER)).as_py()


def seem_hours(column: pa.Array) -> bool:
    """Return whether a column is sexagesimal text without letters, up to 24."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    text = pc.utf8_trim_whitespace(column).cast(pa.string())
    whole = pc.struct_field(pc.extract_regex(text, _WITH_COLONS), "whole")
    largest = pc.max(whole.cast(pa.int64())).as_py()
    return largest is not None and largest <= _DAY


def _floats(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(
        zero_copy_only=False
    )
    return np.array(values)


def _wrapped(alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    inside: NDArray[np.float64] = np.mod(alpha, _CIRCLE)
    # The remainder of a tiny negative angle is rounded up to 360, which is 0.
    inside[inside >= _CIRCLE] = 0.0
    return inside


def _sentinels(unit: AngleUnit | None) -> list[float]:
    """Return the numbers that mean "no value", multiplied by the unit like values."""
    return [each * (unit.degrees if unit else 1.0) for each in _SENTINELS]


def _problem(axis: _Axis, raw: object, degrees: float, unit: AngleUnit | None) -> str:
    if raw is None or str(raw).strip().lower() in _NO_VALUE:
        return f"no {axis}"
    if degrees in _sentinels(unit):
        return f"{axis} {raw} stands for no value"
    if np.isnan(degrees):
        return f"{axis} {raw!r} is not an angle"
    if axis in {"Dec", "latitude"}:
        return f"{axis} {raw} is beyond the poles"
    return f"{axis} {raw} is far outside 0..360 degrees, or 0..24 hours"


def _unit_notes(axis: _Axis, unit: AngleUnit | None) -> Iterable[str]:
    if unit and unit.degrees != 1:
        yield f"{axis} was converted from its unit {unit.name!r} to degrees."


def _wrap_notes(axis: _Axis, rows: int) -> Iterable[str]:
    if rows:
        yield f"{axis} was wrapped into 0..360 degrees (rows: {rows})."


def _swap_notes(beyond: int, rows: int) -> Iterable[str]:
    if 4 * beyond > rows:
        yield f"Dec is beyond the poles (rows: {beyond}): are RA and Dec swapped?"


def designations(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> list[str]:
    """Name positions by the IAU rule: ``JHHMMSS.ss+DDMMSS.s``, truncated."""
    ticks = np.floor(ra / _HOUR * 360_000 + _NUDGE).astype(np.int64)
    ticks %= int(_DAY) * 360_000
    tenths = np.floor(np.abs(dec) * 36_000 + _NUDGE).astype(np.int64)
    return [
        f"J{t // 360_000:02}{t // 6_000 % 60:02}{t // 100 % 60:02}.{t % 100:02}"
        f"{'-' if south else '+'}"
        f"{d // 36_000:02}{d // 600 % 60:02}{d // 10 % 60:02}.{d % 10}"
        for t, d, south in zip(
            ticks.tolist(), tenths.tolist(), (dec < 0).tolist(), strict=True
        )
    ]


def designation_in(text: str) -> str:
    """Return the first name like ``J123456.78-012345.6`` in the text; else empty."""
    match = _DESIGNATION.search(text)
    return match[0] if match else ""

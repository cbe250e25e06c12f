"""The units and the frame of the positions, and checks that statements agree.

The options of the user come first. Otherwise the name of a column and the metadata of
the file must agree, and both must be understood: with a wrong unit or frame a harvest
would fetch other galaxies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .angle_units import DEGREES, HOURS, RADIANS, AngleUnit
from .identifiers import as_plain
from .position_names import Statement, statement
from .positions import holds_numbers, seem_hours
from .sky_frames import FRAMES, ICRS, SkyFrame, parse_frame_option, sky_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .options import ReadOptions
    from .position_columns import PositionColumns
    from .sheets import Sheet, StatedFrame

__all__ = ["Meaning", "find_meaning"]

#: What ``--unit`` means for right ascension and for declination.
_OPTIONS = {
    "deg": (DEGREES, DEGREES),
    "hour": (HOURS, DEGREES),
    "rad": (RADIANS, RADIANS),
}
_REMEDY = (
    "State the unit with --unit deg, --unit hour (RA; Dec in degrees) or --unit rad"
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The units and the frame of two position columns."""

    #: None if no unit is stated.
    ra_unit: AngleUnit | None
    dec_unit: AngleUnit | None
    frame: SkyFrame
    #: False if no frame is stated, and ICRS is assumed.
    is_frame_stated: bool


def find_meaning(
    sheet: Sheet, columns: PositionColumns, options: ReadOptions
) -> Meaning:
    """Find the units and the frame of the positions.

    Raises
    ------
    InputError
        A unit or frame is not understood, or two statements contradict each other.
    """
    stated = columns.ra_stated
    is_said = options.unit or options.frame or columns.system or columns.split
    if not (is_said or stated.unit or stated.frame):
        _refuse_doubts(sheet)
    ra_unit, dec_unit = _units(sheet, columns, options.unit)
    frame = parse_frame_option(options.frame) or _frame(sheet, columns)
    return Meaning(ra_unit, dec_unit, frame or ICRS, frame is not None)


def _refuse_doubts(sheet: Sheet) -> None:
    """Refuse a table if only a comment, which is not understood, states the unit."""
    if sheet.doubts:
        msg = (
            f"{'; '.join(sheet.doubts)}: if that is about the positions, they are not "
            f"ICRS degrees. {_REMEDY}, or the frame with --frame: {FRAMES}"
        )
        raise InputError(msg)


def _units(
    sheet: Sheet, columns: PositionColumns, option: str
) -> tuple[AngleUnit | None, AngleUnit | None]:
    if columns.split:
        return DEGREES, DEGREES
    if option:
        return _of_option(option)
    ra = _unit(sheet, columns.ra, columns.ra_stated)
    dec = _unit(sheet, columns.dec, columns.dec_stated)
    _refuse_half(columns, ra, dec)
    if ra and ra.degrees == 1 and ra.form == "number":
        _refuse_hours(sheet, columns.ra)
    return ra, dec


def _of_option(option: str) -> tuple[AngleUnit, AngleUnit]:
    if option not in _OPTIONS:
        msg = f"--unit: {option!r} is not one of {', '.join(_OPTIONS)}"
        raise InputError(msg)
    return _OPTIONS[option]


def _refuse_hours(sheet: Sheet, name: str) -> None:
    """Refuse text such as ``10:00:28`` with the unit degrees: it may be hours."""
    if seem_hours(as_plain(sheet.column(name))):
        msg = (
            f"column {name} has the unit degrees, but it holds text such as 12:34:56 "
            "in which no value is above 24, so it may be hours. State the unit with "
            "--unit hour or --unit deg"
        )
        raise InputError(msg)


def _unit(sheet: Sheet, name: str, stated: Statement) -> AngleUnit | None:
    text = sheet.units.get(name, "")
    of_file = statement(text)
    if of_file.unknown or of_file.is_non_position or of_file.tag:
        msg = (
            f"column {name} has the unit {text!r}, which is not a known unit of "
            f"angles. {_REMEDY}"
        )
        raise InputError(msg)
    if stated.unknown:
        msg = (
            f"the name of column {name} says {stated.unknown!r}, which is neither a "
            f"known unit of angles nor a known frame. {_REMEDY}"
        )
        raise InputError(msg)
    unit = _agreed(name, of_file.unit, stated.unit)
    if unit and unit.form == "text" and holds_numbers(as_plain(sheet.column(name))):
        msg = (
            f"column {name} has the unit {unit.name}, but it holds numbers, not text "
            f"such as 12:34:56.7. {_REMEDY}"
        )
        raise InputError(msg)
    return unit


def _agreed(
    name: str, of_file: AngleUnit | None, of_name: AngleUnit | None
) -> AngleUnit | None:
    if of_file and of_name and of_file.degrees != of_name.degrees:
        msg = (
            f"column {name} is in {of_name.name} according to its name, but in "
            f"{of_file.name} according to the unit that the file states. {_REMEDY}"
        )
        raise InputError(msg)
    return of_file or of_name


def _refuse_half(
    columns: PositionColumns, ra: AngleUnit | None, dec: AngleUnit | None
) -> None:
    """Refuse a unit such as radians if the other column does not state its unit."""
    for name, unit, other, silent in (
        (columns.ra, ra, columns.dec, dec),
        (columns.dec, dec, columns.ra, ra),
    ):
        if silent is None and unit and unit.degrees not in {1.0, HOURS.degrees}:
            msg = (
                f"column {name} is in {unit.name}, but the unit of column {other} is "
                f"not stated. {_REMEDY}"
            )
            raise InputError(msg)


def _frame(sheet: Sheet, columns: PositionColumns) -> SkyFrame | None:
    of_columns = list(_frames_of_columns(sheet, columns))
    distinct = {_comparable(frame) for frame in of_columns}
    if len(distinct) > 1:
        said = " and ".join(sorted({str(frame) for frame in of_columns}))
        msg = (
            f"the file states several frames for columns {columns.ra} and "
            f"{columns.dec}: {said}. State the right one with --frame: {FRAMES}"
        )
        raise InputError(msg)
    if of_columns:
        return of_columns[0]
    if sheet.frame is None or _is_silent(sheet.frame):
        return None
    return _of_table(sheet.frame, columns)


def _frames_of_columns(sheet: Sheet, columns: PositionColumns) -> Iterable[SkyFrame]:
    if columns.system:
        equinox = "J2000" if columns.system == "ecliptic" else ""
        yield SkyFrame(columns.system, equinox)
    for stated in (columns.ra_stated, columns.dec_stated):
        if stated.frame:
            yield stated.frame
    names = columns.used if columns.split else (columns.ra, columns.dec)
    for name in names:
        of_unit = statement(sheet.units.get(name, "")).frame
        if of_unit:
            yield of_unit
        stated_frame = sheet.frames.get(name)
        if stated_frame and not _is_silent(stated_frame):
            yield _understood(stated_frame, f"column {name}")


def _comparable(frame: SkyFrame) -> SkyFrame:
    return ICRS if frame.is_icrs else SkyFrame(frame.system, frame.equinox)


def _is_silent(frame: StatedFrame) -> bool:
    return not frame.system.strip() and not frame.equinox.strip()


def _understood(stated: StatedFrame, what: str) -> SkyFrame:
    frame = sky_frame(stated)
    if frame is None:
        facts = [stated.system, stated.equinox and f"equinox {stated.equinox}"]
        said = ", ".join(filter(None, facts))
        msg = (
            f"the frame of {what} is given as {said!r}, which is not understood. State "
            f"the frame with --frame: {FRAMES}"
        )
        raise InputError(msg)
    return frame


def _of_table(stated: StatedFrame, columns: PositionColumns) -> SkyFrame:
    frame = _understood(stated, "the table")
    if not frame.is_equatorial:
        msg = (
            f"the table states that its positions are {frame}, but columns "
            f"{columns.ra} and {columns.dec} are named as right ascension and "
            f"declination. State the right frame with --frame: {FRAMES}"
        )
        raise InputError(msg)
    return frame

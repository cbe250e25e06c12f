"""Which columns of a catalogue are identifier, right ascension and declination.

Names are compared without case, blanks, underscores and units in brackets. What the
user names is taken, or refused with the reason; what he does not name is guessed.
"""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from . import identifiers
from .positions import designation_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .sheets import Sheet

__all__ = ["IdColumn", "PositionColumns", "find_id", "find_positions"]

#: Names of identifier columns as `_plain` spells them; the first that is there wins.
_IDS = (
    *("objid", "dr7objid", "dr8objid", "object1", "objid1", "pridr7id", "sdssid"),
    *("sdssobjid", "surveyid", "zooniverseid", "iauname", "objectid", "sourceid"),
    *("galaxyid", "targetid", "idstr", "dr8id", "id", "name", "designation"),
    *("targetname", "objname", "object", "target", "sdssname"),
)

#: Names of RA and Dec columns; the first pair of which both are there wins.
_PAIRS = (
    *(("ra", "dec"), ("raj2000", "dej2000"), ("raj2000", "decj2000")),
    *(("radeg", "decdeg"), ("radeg", "dedeg"), ("radegrees", "decdegrees")),
    *(("ra2000", "dec2000"), ("rad", "decd"), ("raicrs", "deicrs")),
    *(("raicrs", "decicrs"), ("rightascension", "declination")),
    *(("alphaj2000", "deltaj2000"), ("alpha", "delta"), ("sra", "sdec")),
    *(("ra1", "dec1"), ("priradeg", "pridecdeg"), ("prira", "pridec")),
    *(("targetra", "targetdec"), ("objra", "objdec"), ("ramean", "decmean")),
    *(("coordra", "coorddec"), ("rastring", "decstring"), ("rastr", "decstr")),
    *(("rahms", "decdms"), ("rahms", "dedms")),
)
#: Sexagesimal text that some tables carry beside positions of 4 bytes.
_TEXT_PAIR = ("rastring", "decstring")
#: How the columns of a first galaxy in a row are told from those of a second.
_SECOND = (("1", "2"), ("pri", "sec"))

#: Columns that an error lists at most.
_LISTED = 40
#: Rows that are looked at where values, not names, must tell.
_SAMPLE = 1000

_UNIT = re.compile(r"[\[(].*?[\])]")
_NOT_PLAIN = re.compile(r"[^a-z0-9]")
_PREFIXED = re.compile(r"(.*[^a-z])ra", re.IGNORECASE)
_LONG_INTEGER = r"^\d{15,20}$"


@dataclass(frozen=True, slots=True)
class PositionColumns:
    """The columns that positions are taken from."""

    ra: str
    dec: str
    #: Less exact columns of the same positions: no labels either.
    shadowed: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class IdColumn:
    """The column that identifiers are taken from."""

    #: Empty if no column can identify the rows.
    name: str
    #: Whether its numbers were rounded by floats: good as names, not to be decoded.
    is_rounded: bool = False
    notes: list[str] = field(default_factory=list)


def _plain(name: str) -> str:
    return _NOT_PLAIN.sub("", _UNIT.sub("", name.lower()))


def find_positions(sheet: Sheet, *, ra: str = "", dec: str = "") -> PositionColumns:
    """Find the columns of RA and Dec; ``ra`` and ``dec`` overrule the guess."""
    names = sheet.table.column_names
    if ra or dec:
        return _named_positions(names, ra, dec)
    if not sheet.has_names:
        return _positions_by_value(sheet)
    by_plain = {_plain(name): name for name in reversed(names)}
    for pair in (*_PAIRS, *_prefixed(names)):
        if by_plain.keys() >= set(pair):
            found = PositionColumns(by_plain[pair[0]], by_plain[pair[1]])
            return _of_first(_most_exact(sheet, found, by_plain), by_plain)
    raise InputError(_no_positions(sheet))


def _prefixed(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Give the pairs that names like ``target_RA`` and ``coord.ra`` ask for."""
    for name in names:
        match = _PREFIXED.fullmatch(name)
        if match:
            yield _plain(name), _plain(match[1] + "dec")


def _named_positions(names: Sequence[str], ra: str, dec: str) -> PositionColumns:
    if ra:
        ra = named(names, ra, "ra")
    if dec:
        dec = named(names, dec, "dec")
    return PositionColumns(
        ra or _partner(names, dec, "dec", "ra"), dec or _partner(names, ra, "ra", "dec")
    )


def named(names: Sequence[str], wanted: str, option: str) -> str:
    """Give the column that the user means, or say which ones there are."""
    if wanted in names:
        return wanted
    same = [name for name in names if name.lower() == wanted.strip().lower()]
    if len(same) == 1:
        return same[0]
    close = difflib.get_close_matches(wanted, names, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    msg = f"--{option}: there is no column {wanted!r}.{hint} {_listing(names)}"
    raise InputError(msg)


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"The columns are: {', '.join(names[:_LISTED])}{more}."


def _partner(names: Sequence[str], known: str, axis: str, other: str) -> str:
    """Find the declination that belongs to a right ascension, or the reverse."""
    place = ("ra", "dec").index(axis)
    plain = _plain(known)
    wanted = {pair[1 - place] for pair in _PAIRS if pair[place] == plain}
    wanted.add(plain.replace(axis, other))
    found = [name for name in names if _plain(name) in wanted - {plain}]
    if len(found) == 1:
        return found[0]
    msg = f"--{axis} names {known!r}; name its partner with --{other} too. "
    raise InputError(msg + _listing(names))


def _most_exact(
    sheet: Sheet, found: PositionColumns, by_plain: dict[str, str]
) -> PositionColumns:
    """Take text for positions of 4 bytes, which are wrong by up to 0.1 arcsec."""
    if sheet.table.schema.field(found.ra).type != pa.float32():
        return found
    little = f"{found.ra} and {found.dec} have only 4 bytes"
    if not by_plain.keys() >= set(_TEXT_PAIR):
        note = f"{little}: positions may be wrong by 0.1 arcsec."
        return PositionColumns(found.ra, found.dec, notes=[note])
    ra, dec = (by_plain[name] for name in _TEXT_PAIR)
    note = f"Positions were taken from {ra} and {dec}, because {little}."
    return PositionColumns(ra, dec, (found.ra, found.dec), [note])


def _of_first(found: PositionColumns, by_plain: dict[str, str]) -> PositionColumns:
    """Say so if each row has a second galaxy with a position of its own."""
    ra, dec = _plain(found.ra), _plain(found.dec)
    for first, second in _SECOND:
        other_ra, other_dec = (each.replace(first, second, 1) for each in (ra, dec))
        if other_ra == ra or not by_plain.keys() >= {other_ra, other_dec}:
            continue
        note = (
            f"Each row names two galaxies; the first was taken ({found.ra}, "
            f"{found.dec}). For the second give --ra {by_plain[other_ra]} and --dec "
            f"{by_plain[other_dec]}, and its --id."
        )
        return replace(found, notes=[*found.notes, note])
    return found


def _positions_by_value(sheet: Sheet) -> PositionColumns:
    """Take the first two neighbours that hold degrees of RA and Dec."""
    names = sheet.table.column_names
    for ra, dec in itertools.pairwise(names):
        if _holds_angles(sheet, ra, 0, 360) and _holds_angles(sheet, dec, -90, 90):
            note = (
                "The file has no header; its columns were named col1, col2 and so "
                "on, and RA and Dec found by their values."
            )
            return PositionColumns(ra, dec, (), [note])
    raise InputError(_no_positions(sheet))


def _holds_angles(sheet: Sheet, name: str, low: float, high: float) -> bool:
    column = sheet.column(name)[:_SAMPLE]
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return False
    limits = pc.min_max(column).as_py()
    return bool(low <= limits["min"] and limits["max"] <= high)


def _no_positions(sheet: Sheet) -> str:
    names = sheet.table.column_names
    hint = ""
    for name in names:
        example = _designation(sheet.column(name))
        if example:
            hint = (
                f" The positions seem to be in the names of column {name} "
                f"({example}): write them into two columns first."
            )
            break
    return (
        "no two columns were recognised as RA and Dec. Name them with --ra and --dec "
        f"(degrees, or text such as 12:34:56.7 -01:02:03).{hint} {_listing(names)}"
    )


def _designation(column: pa.Array) -> str:
    if not pa.types.is_string(column.type) or not len(column):
        return ""
    return designation_in(column[0].as_py() or "")


def find_id(sheet: Sheet, positions: PositionColumns, *, wanted: str = "") -> IdColumn:
    """Find the column of identifiers; ``wanted`` overrules the guess.

    A column that floats have damaged is passed over; if the user named it, that is
    an `InputError`.
    """
    names = [
        name
        for name in sheet.table.column_names
        if name not in {positions.ra, positions.dec, *positions.shadowed}
    ]
    notes = list(_damage_notes(sheet, names))
    if wanted:
        name = named(sheet.table.column_names, wanted, "id")
        trouble = identifiers.trouble(sheet.column(name))
        if trouble:
            msg = f"--id: column {name} {trouble}. {_listing(names)}"
            raise InputError(msg)
        return IdColumn(name, identifiers.is_rounded(sheet.column(name)), notes)
    for name in _candidates(sheet, names, positions.ra):
        trouble = identifiers.trouble(sheet.column(name))
        if not trouble:
            rounded = identifiers.is_rounded(sheet.column(name))
            return IdColumn(name, rounded, notes)
        notes.append(f"Column {name} was not taken for the identifier: it {trouble}.")
    return IdColumn("", notes=notes)


def _candidates(sheet: Sheet, names: Sequence[str], ra: str) -> Iterable[str]:
    if not sheet.has_names:
        return [name for name in names if _holds_long_integers(sheet, name)]
    by_plain = {_plain(name): name for name in reversed(names)}
    wanted = [*_ids_of_second(_plain(ra)), *_IDS]
    return [by_plain[plain] for plain in wanted if plain in by_plain]


def _ids_of_second(ra: str) -> Iterable[str]:
    """Give the names that an identifier has beside the position of a second galaxy."""
    for first, second in _SECOND:
        if ra.startswith(second) or ra.endswith(second):
            yield from (each.replace(first, second) for each in _IDS if first in each)


def _holds_long_integers(sheet: Sheet, name: str) -> bool:
    column = sheet.column(name)[:_SAMPLE]
    if not (pa.types.is_integer(column.type) or pa.types.is_string(column.type)):
        return False
    text = identifiers.as_text(column)
    return bool(pc.all(pc.match_substring_regex(text, _LONG_INTEGER)).as_py())


def _damage_notes(sheet: Sheet, names: Sequence[str]) -> Iterable[str]:
    """Tell of integers that were floats once, in whatever column they are."""
    for name in names:
        if pa.types.is_floating(sheet.table.schema.field(name).type):
            continue  # not worth reading: it is not meant for an integer
        if identifiers.is_rounded(sheet.column(name)):
            yield (
                f"All values of {name} are multiples of 64: floating-point numbers "
                "have changed their last digits, so they name no certain object."
            )

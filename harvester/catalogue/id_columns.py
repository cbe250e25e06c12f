"""Find the column of a catalogue that holds the identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from . import identifiers
from .columns import SECOND
from .naming import listing, named
from .position_names import heading, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .identifier_scheme import IdentifierScheme
    from .position_columns import PositionColumns
    from .sheets import Sheet

__all__ = ["IdColumn", "find_id", "known_ids", "plausible"]

#: Names of identifier columns, in lower case, letters and digits only; the first one
#: that the table has is used. The names in the schemes of the archives come before
#: these. Here names of single surveys come first, then general ones. A name never
#: decides to which archive the identifiers belong.
_IDS = (
    *("objid", "object1", "objid1"),
    *("surveyid", "zooniverseid", "iauname", "objectid", "sourceid", "galaxyid"),
    *("targetid", "idstr", "dr8id", "mangaid", "plateifu", "nsaid", "cataid"),
    *("coaddobjectid", "evccid", "vccid", "ugcid", "galid", "catalogid", "catid"),
    *("uniqueid", "allwiseid", "gaiaid", "lsid", "hscid", "srcid", "objno"),
    *("id", "mainid", "name", "designation", "targetname", "objname", "galaxyname"),
    *("subjectid", "sdssname", "sdss", "object", "target", "galaxy", "galname", "gal"),
    *("ident", "identifier", "sourcename", "commonname", "evcc", "vcc", "fcc", "pgc"),
    *("ngc", "ugc", "agc", "agcnr", "cgcg", "eso", "wise", "2mass", "2masx"),
    *("number", "cntr", "seqnr", "seqid", "objectnumber", "objnum", "no", "nr"),
    *("seq", "recno", "specobjid", "specid", "plateid"),
)
#: Words at the end or the beginning of the name of an identifier column.
_IDENTIFYING = re.compile(
    r"(?:.*[_ .-]|.*(?-i:[a-z](?=[A-Z])))?(?:id|names?|ident|identifier|index|number"
    r"|num|no\.?|nr|#|source|galaxy|object|target|designation)"
    r"|(?:id|name|ident)[_ .-].*|.*[a-z](?:id|name|num|ident)",
    re.IGNORECASE,
)
#: Words that end like "id" but do not mean an identifier.
_ONLY_END_SO = re.compile(
    r"(?:.*[_ .-])?(?:(?:in)?valid|hybrid|grid|centroid|mid|void|ovoid"
    r"|spheroid|ellipsoid|sigmoid)",
    re.IGNORECASE,
)
#: Columns of row numbers, which programs add; a row number does not identify a galaxy.
_PLACES = re.compile(r"|_*index_*|_*row_*|idx|unnamed.*|col_?\d+|_\d+", re.IGNORECASE)

#: Rows that are examined if the values must decide instead of the names.
_SAMPLE = 1000
#: Number of candidates that a note names.
_NAMED = 5
_LONG_INTEGER = r"^\d{15,20}$"
#: A column with the same value in this many rows or more is not an identifier.
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class IdColumn:
    """The column that identifiers are read from."""

    #: Name of the column; empty if no column can identify the rows.
    name: str
    #: Whether its integers were rounded to floats: they are good as names, but must not
    #: be decoded as identifiers of an archive.
    is_rounded: bool = False
    notes: list[str] = field(default_factory=list)


def find_id(
    sheet: Sheet,
    positions: PositionColumns | None,
    *,
    wanted: str = "",
    schemes: Sequence[IdentifierScheme] = (),
) -> IdColumn:
    """Find the column of identifiers.

    Parameters
    ----------
    wanted
        The column that the user names: it is used instead of a guess.

    Raises
    ------
    InputError
        The column that the user names cannot identify anything, for example because
        its numbers are floats. A guess skips such a column.
    """
    used = positions.used if positions else ()
    names = [name for name in sheet.table.column_names if name not in used]
    notes = list(_damage_notes(sheet, names))
    if wanted:
        return _wanted(sheet, wanted, notes)
    ra = positions.ra if positions else ""
    for name in _candidates(sheet, names, ra, schemes):
        trouble = _trouble(sheet.column(name))
        if not trouble:
            return IdColumn(name, _is_rounded(sheet, name), notes)
        notes.append(f"Column {name} was not used as the identifier: it {trouble}.")
    return _unknown(sheet, names, notes)


def _wanted(sheet: Sheet, wanted: str, notes: list[str]) -> IdColumn:
    names = sheet.table.column_names
    name = named(names, wanted, "id")
    trouble = identifiers.trouble(sheet.column(name))
    if trouble:
        msg = f"--id: column {name} {trouble}. {listing(names)}"
        raise InputError(msg)
    return IdColumn(name, _is_rounded(sheet, name), notes)


def _trouble(column: pa.Array) -> str:
    found = identifiers.trouble(column)
    if not found and len(column) >= _FEWEST and _is_constant(column):
        return "has the same value in every row"
    return found


def _is_constant(column: pa.Array) -> bool:
    column, _ = identifiers.exact(column)
    head = pc.drop_null(identifiers.as_text(column[:_SAMPLE]))
    if len(pc.unique(head)) > 1:
        return False
    values = pc.unique(column)
    return len(pc.drop_null(identifiers.as_text(values))) <= 1


def _is_rounded(sheet: Sheet, name: str) -> bool:
    return identifiers.is_rounded(identifiers.exact(sheet.column(name))[0])


def _candidates(
    sheet: Sheet, names: Sequence[str], ra: str, schemes: Sequence[IdentifierScheme]
) -> Iterable[str]:
    if not sheet.has_names:
        return [name for name in names if _holds_long_integers(sheet, name)]
    return known_ids(names, ra, schemes)


def known_ids(
    names: Sequence[str], ra: str = "", schemes: Sequence[IdentifierScheme] = ()
) -> list[str]:
    """Return the columns with known names of identifiers, the best first."""
    by_plain = {_joined(name): name for name in reversed(names)}
    usual = [*(each for scheme in schemes for each in scheme.columns), *_IDS]
    wanted = dict.fromkeys([*_ids_of_second(_joined(ra), usual), *usual])
    return [by_plain[each] for each in wanted if each in by_plain]


def plausible(schemes: Sequence[IdentifierScheme], name: str) -> list[IdentifierScheme]:
    """Return the schemes whose identifiers may be in a column with this name."""
    return [each for each in schemes if not each.is_look_alike(_joined(name))]


def _joined(name: str) -> str:
    return plain(name).replace("_", "")


def _ids_of_second(ra: str, usual: Sequence[str]) -> Iterable[str]:
    """Yield the names of identifiers of the second galaxy if ``ra`` belongs to it."""
    for first, second in SECOND:
        if ra.startswith(second) or ra.endswith(second):
            yield from (each.replace(first, second) for each in usual if first in each)


def _holds_long_integers(sheet: Sheet, name: str) -> bool:
    column = sheet.column(name)[:_SAMPLE]
    if not (pa.types.is_integer(column.type) or pa.types.is_string(column.type)):
        return False
    text = identifiers.as_text(column)
    return bool(pc.all(pc.match_substring_regex(text, _LONG_INTEGER)).as_py())


def _damage_notes(sheet: Sheet, names: Sequence[str]) -> Iterable[str]:
    """Yield a note for each column of integers that were once floats."""
    for name in names:
        if pa.types.is_floating(sheet.table.schema.field(name).type):
            continue  # floats are not identifiers: skip reading the column
        if identifiers.is_rounded(sheet.column(name)):
            yield (
                f"All values of {name} are multiples of 64: they were stored as "
                "floating-point numbers, which changed their last digits, so they do "
                "not identify objects."
            )


def _unknown(sheet: Sheet, names: Sequence[str], notes: list[str]) -> IdColumn:
    """Use the only column that can identify the rows, or list the candidates."""
    unique = [name for name in names if _is_unique(sheet, name)]
    identifying = [name for name in unique if _identifies(name)]
    name = _first(sheet, unique, identifying)
    if name:
        told = (
            f"Column {name} was used as the identifier: its values are unique. "
            "Give --id NAME for another."
        )
        return IdColumn(name, _is_rounded(sheet, name), [*notes, told])
    if unique:
        listed = ", ".join((identifying or unique)[:_NAMED])
        notes = [
            *notes,
            f"To use a column of identifiers give --id NAME; unique are: {listed}.",
        ]
    return IdColumn("", notes=[*notes, *_repeat_notes(sheet, names, unique)])


def _repeat_notes(
    sheet: Sheet, names: Sequence[str], unique: Collection[str]
) -> Iterable[str]:
    """Yield a note for each column that is named like an identifier but has repeats."""
    for name in names:
        if name in unique or not _identifies(name) or not _is_plain(sheet, name):
            continue
        column = sheet.column(name)
        distinct = pc.count_distinct(column).as_py()
        if 2 * distinct > len(column) and not identifiers.trouble(column):
            yield (
                f"Column {name} was not used as the identifier: only {distinct} of "
                f"its {len(column)} values are different. If it names the galaxies, "
                f"give --id {name!r}."
            )


def _first(sheet: Sheet, unique: Sequence[str], identifying: Sequence[str]) -> str:
    """Choose a column: often the first, with a name that means an identifier."""
    own = (n for n in sheet.table.column_names if not _PLACES.fullmatch(n.strip()))
    first = next(own, "")
    if first in identifying:
        return first
    if len(identifying) == 1:
        return identifying[0]
    if first not in unique or sheet.table.num_rows < _FEWEST:
        return ""  # with few rows almost every column is unique
    is_text = pa.types.is_string(sheet.table.schema.field(first).type)
    return first if is_text and heading(first) is None else ""


def _identifies(name: str) -> bool:
    bare = name.strip()
    others = (_PLACES, _ONLY_END_SO)
    is_other = any(pattern.fullmatch(bare) for pattern in others)
    return bool(_IDENTIFYING.fullmatch(bare)) and not is_other


def _is_unique(sheet: Sheet, name: str) -> bool:
    if not _is_plain(sheet, name):
        return False
    column = sheet.column(name)
    head = column[:_SAMPLE]
    if len(head) < 1 or len(pc.unique(head)) < len(head) or head.null_count:
        return False
    if identifiers.trouble(column):
        return False
    return len(pc.unique(column)) == len(column) and not column.null_count


def _is_plain(sheet: Sheet, name: str) -> bool:
    kind = sheet.table.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))

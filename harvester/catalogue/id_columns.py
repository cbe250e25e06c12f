"""Which column of a catalogue holds the identifiers."""

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

#: Names of identifier columns in lower case, letters and digits only; the first that
#: the table has is taken, after the usual ones of the archives' schemes. Those of the
#: first lines are of single surveys, then of any. Survey names among them are words
#: that catalogues use: they decide nothing about an archive.
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
#: Words at the end or the beginning of the names of columns that identify.
_IDENTIFYING = re.compile(
    r"(?:.*[_ .-]|.*(?-i:[a-z](?=[A-Z])))?(?:id|names?|ident|identifier|index|number"
    r"|num|no\.?|nr|#|source|galaxy|object|target|designation)"
    r"|(?:id|name|ident)[_ .-].*|.*[a-z](?:id|name|num|ident)",
    re.IGNORECASE,
)
#: Words that only end so.
_ONLY_END_SO = re.compile(
    r"(?:.*[_ .-])?(?:(?:in)?valid|hybrid|grid|centroid|mid|void|ovoid"
    r"|spheroid|ellipsoid|sigmoid)",
    re.IGNORECASE,
)
#: What programs write before the rows of a table; the place names no galaxy.
_PLACES = re.compile(r"|_*index_*|_*row_*|idx|unnamed.*|col_?\d+|_\d+", re.IGNORECASE)

#: Rows that are looked at where values, not names, must tell.
_SAMPLE = 1000
#: Candidates that a note names.
_NAMED = 5
_LONG_INTEGER = r"^\d{15,20}$"
#: Rows of a column that says the same in each: it is no identifier.
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class IdColumn:
    """The column that identifiers are taken from."""

    #: Empty if no column can identify the rows.
    name: str
    #: Whether its numbers were rounded by floats: good as names, not to be decoded.
    is_rounded: bool = False
    notes: list[str] = field(default_factory=list)


def find_id(
    sheet: Sheet,
    positions: PositionColumns | None,
    *,
    wanted: str = "",
    schemes: Sequence[IdentifierScheme] = (),
) -> IdColumn:
    """Find the column of identifiers; ``wanted`` overrules the guess.

    A column that floats have damaged is passed over; if the user named it, that is
    an `InputError`.
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
        notes.append(f"Column {name} was not taken for the identifier: it {trouble}.")
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
        return "says the same in every row"
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
    """Give the columns that are identifiers by their names, the best first."""
    by_plain = {_joined(name): name for name in reversed(names)}
    usual = [*(each for scheme in schemes for each in scheme.columns), *_IDS]
    wanted = dict.fromkeys([*_ids_of_second(_joined(ra), usual), *usual])
    return [by_plain[each] for each in wanted if each in by_plain]


def plausible(schemes: Sequence[IdentifierScheme], name: str) -> list[IdentifierScheme]:
    """Give the schemes whose identifiers may be in a column of this name."""
    return [each for each in schemes if not each.is_look_alike(_joined(name))]


def _joined(name: str) -> str:
    return plain(name).replace("_", "")


def _ids_of_second(ra: str, usual: Sequence[str]) -> Iterable[str]:
    """Give the names that an identifier has beside the position of a second galaxy."""
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
    """Tell of integers that were floats once, in whatever column they are."""
    for name in names:
        if pa.types.is_floating(sheet.table.schema.field(name).type):
            continue  # not worth reading: it is not meant for an integer
        if identifiers.is_rounded(sheet.column(name)):
            yield (
                f"All values of {name} are multiples of 64: floating-point numbers "
                "have changed their last digits, so they name no certain object."
            )


def _unknown(sheet: Sheet, names: Sequence[str], notes: list[str]) -> IdColumn:
    """Take the one column that can identify, and say so, or name the candidates."""
    unique = [name for name in names if _is_unique(sheet, name)]
    identifying = [name for name in unique if _identifies(name)]
    name = _first(sheet, unique, identifying)
    if name:
        told = (
            f"Column {name} was taken for the identifier: its values are unique. "
            "Give --id NAME for another."
        )
        return IdColumn(name, _is_rounded(sheet, name), [*notes, told])
    if unique:
        listed = ", ".join((identifying or unique)[:_NAMED])
        notes = [*notes, f"For identifiers give --id NAME; unique are: {listed}."]
    return IdColumn("", notes=[*notes, *_repeat_notes(sheet, names, unique)])


def _repeat_notes(
    sheet: Sheet, names: Sequence[str], unique: Collection[str]
) -> Iterable[str]:
    """Offer columns that are named like identifiers, but have some values twice."""
    for name in names:
        if name in unique or not _identifies(name) or not _is_plain(sheet, name):
            continue
        column = sheet.column(name)
        distinct = pc.count_distinct(column).as_py()
        if 2 * distinct > len(column) and not identifiers.trouble(column):
            yield (
                f"Column {name} was not taken for the identifier: of its {len(column)} "
                f"values {distinct} differ. If it names the galaxies, give "
                f"--id {name!r}."
            )


def _first(sheet: Sheet, unique: Sequence[str], identifying: Sequence[str]) -> str:
    """Choose: tables begin with the identifier, and its name often says so."""
    own = (n for n in sheet.table.column_names if not _PLACES.fullmatch(n.strip()))
    first = next(own, "")
    if first in identifying:
        return first
    if len(identifying) == 1:
        return identifying[0]
    if first not in unique or sheet.table.num_rows < _FEWEST:
        return ""  # of a few rows almost everything is unique
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

"""Which columns of a catalogue are right ascension and declination.

A column that the user names is used, or refused with the reason. Otherwise the names of
the columns decide, never their values. Of several pairs the one with the plainest names
is used. If pairs are equally plain and hold different positions, the user must choose.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import InputError
from .naming import first_rows, listing, named
from .position_columns import PositionColumns
from .position_names import Heading, bracketed, heading, plain
from .position_words import BARE_GALACTIC, FAMILIES
from .positions import designation_in
from .rivals import choose_pair
from .sky_frames import parse_frame_option
from .split_columns import find_split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sheets import Sheet

__all__ = ["NoPositionsError", "best_pairs", "find_positions"]

#: Marks in the names of columns where a row describes two galaxies: the mark of the
#: first galaxy, and that of the second.
SECOND = (("1", "2"), ("pri", "sec"))


#: Prefixes with which ``l`` and ``b`` are galactic coordinates, not photometric bands.
_POSITION_PREFIXES = frozenset(("", "coord", "coords", "sky", "pos", "gal", "galactic"))


class NoPositionsError(InputError):
    """No column is named like a position; the table may be a list of identifiers."""


def find_positions(
    sheet: Sheet, *, ra: str = "", dec: str = "", frame: str = ""
) -> PositionColumns:
    """Find the columns of RA and Dec.

    Parameters
    ----------
    ra, dec
        Columns that the user names: they are used instead of a guess.
    frame
        The frame that the user names: with ``galactic``, galactic longitude and
        latitude are preferred.

    Raises
    ------
    InputError
        There are none, or several pairs that hold different positions.
    """
    pairs = best_pairs(sheet, ra=ra, dec=dec, frame=frame)
    return choose_pair(sheet, pairs) if len(pairs) > 1 else pairs[0]


def best_pairs(
    sheet: Sheet, *, ra: str = "", dec: str = "", frame: str = ""
) -> list[PositionColumns]:
    """Return the pairs of columns with the plainest names; at least one.

    Raises
    ------
    InputError
        There are none, or the table has no header to find them by.
    """
    names = sheet.table.column_names
    if ra or dec:
        return [_named_positions(sheet, ra, dec)]
    if not sheet.has_names:
        raise InputError(_no_header(sheet))
    pairs = _ranked(sheet, frame)
    split = find_split(names)
    if split and (not pairs or pairs[0][0].letter):
        return [PositionColumns(str(split[0]), str(split[1]), split=split)]
    if not pairs:
        raise NoPositionsError(_no_positions(sheet))
    best = _rank(pairs[0])
    found = [_of_pair(*pair) for pair in pairs if _rank(pair) == best]
    first = _of_first_galaxy(found, names)
    return [_most_exact(sheet, first or found[0])] if first or not found[1:] else found


Pair = tuple[Heading, Heading]


def _ranked(sheet: Sheet, frame: str) -> list[Pair]:
    """Return all pairs of columns that can be positions, the plainest names first."""
    pairs = [pair for pair in _pairs(sheet) if _is_possible(sheet, pair)]
    asked = parse_frame_option(frame)
    if asked and not asked.is_equatorial:
        pairs = [pair for pair in pairs if pair[0].system == asked.system] or pairs
    return sorted(pairs, key=lambda pair: (_is_other(pair), _rank(pair)))


def _pairs(sheet: Sheet) -> Iterator[Pair]:
    headings = [heading(name) for name in sheet.table.column_names]
    latitudes: dict[tuple[int, tuple[str, ...]], list[Heading]] = defaultdict(list)
    for each in headings:
        if each and each.side == "latitude":
            latitudes[each.family, each.key].append(each)
    for each in headings:
        if each and each.side == "longitude":
            partners = latitudes[each.family, each.key]
            fitting = [other for other in partners if _fit(each, other)]
            if fitting:
                yield each, _nearest(each, fitting)


def _fit(one: Heading, other: Heading) -> bool:
    """Return whether the two names do not contradict each other."""
    frames = one.stated.frame, other.stated.frame
    differ = None not in frames and frames[0] != frames[1]
    is_same_frame = not differ or all(frame and frame.is_icrs for frame in frames)
    return is_same_frame and bool(one.letter) == bool(other.letter)


def _nearest(own: Heading, others: Sequence[Heading]) -> Heading:
    """Choose the partner whose name states the same frame and unit, else the first."""

    def differs(other: Heading) -> tuple[bool, bool, bool]:
        stated = other.stated
        return (
            stated.frame != own.stated.frame,
            other.rank != own.rank,
            stated.unit != own.stated.unit,
        )

    return min(others, key=differs)


def _is_possible(sheet: Sheet, pair: Pair) -> bool:
    """Return whether the pair can be positions.

    Booleans and empty columns cannot, nor can a bare ``l`` and ``b`` that are not
    known to be galactic coordinates.
    """
    kinds = [sheet.table.schema.field(each.name).type for each in pair]
    if any(pa.types.is_boolean(k) or pa.types.is_null(k) for k in kinds):
        return sheet.table.num_rows == 0 or not any(map(pa.types.is_boolean, kinds))
    if pair[0].system == "?":
        return all(each.name in sheet.frames for each in pair)
    if FAMILIES[pair[0].family] == BARE_GALACTIC:
        return all(map(pa.types.is_floating, kinds)) and _is_of_place(sheet, pair[0])
    return True


def _is_of_place(sheet: Sheet, longitude: Heading) -> bool:
    """Return whether a bare ``l`` is a longitude; it may also be a luminosity."""
    around = {each.strip("_") for each in longitude.key}
    # Astropy gives the longitude of a galactic SkyCoord a name with this ending.
    is_part = longitude.name.endswith(".l")
    return is_part or longitude.name in sheet.frames or around <= _POSITION_PREFIXES


def _is_other(pair: Pair) -> bool:
    return bool(pair[0].system)


def _rank(pair: Pair) -> tuple[int, ...]:
    return tuple(map(max, zip(pair[0].rank, pair[1].rank, strict=True)))


def _of_pair(ra: Heading, dec: Heading) -> PositionColumns:
    system = "" if ra.system == "?" else ra.system
    return PositionColumns(
        ra.name, dec.name, ra_stated=ra.stated, dec_stated=dec.stated, system=system
    )


def _of_first_galaxy(
    found: Sequence[PositionColumns], names: Sequence[str]
) -> PositionColumns | None:
    """Return the first pair, with a note, if each row describes two galaxies."""
    by_plain = {plain(name): name for name in reversed(names)}
    for each in found:
        ra, dec = plain(each.ra), plain(each.dec)
        for first, second in SECOND:
            others = [_second(name, first, second) for name in (ra, dec)]
            if others[0] and by_plain.keys() >= set(others):
                note = (
                    f"Each row has two galaxies; the first one is used ({each.ra}, "
                    f"{each.dec}). For the second give --ra {by_plain[others[0]]}, "
                    f"--dec {by_plain[others[1]]} and its --id."
                )
                return replace(each, notes=[*each.notes, note])
    return None


def _second(name: str, first: str, second: str) -> str:
    # ``ra_1`` and ``ra_2`` come from a join of two tables: both are the same galaxy.
    if first == "1":
        is_numbered = name.endswith(first) and not name.endswith(f"_{first}")
        return name[:-1] + second if is_numbered else ""
    return second + name[len(first) :] if name.startswith(first) else ""


def _named_positions(sheet: Sheet, ra: str, dec: str) -> PositionColumns:
    names = sheet.table.column_names
    ra = named(names, ra, "ra") if ra else ""
    dec = named(names, dec, "dec") if dec else ""
    ra = ra or _partner(sheet, dec, "dec", "ra")
    dec = dec or _partner(sheet, ra, "ra", "dec")
    one, other = heading(ra), heading(dec)
    return PositionColumns(
        ra,
        dec,
        ra_stated=one.stated if one else bracketed(ra),
        dec_stated=other.stated if other else bracketed(dec),
        system=one.system.strip("?") if one else "",
    )


def _partner(sheet: Sheet, known: str, axis: str, other: str) -> str:
    """Find the declination that belongs to a right ascension, or the reverse."""
    names, place = sheet.table.column_names, ("ra", "dec").index(axis)
    paired = [
        pair[1 - place].name for pair in _pairs(sheet) if pair[place].name == known
    ]
    wanted = plain(known).replace(axis, other)
    found = paired or [n for n in names if plain(n) == wanted != plain(known)]
    if len(found) == 1:
        return found[0]
    msg = f"--{axis} names {known!r}; name its partner with --{other} too. "
    raise InputError(msg + listing(names))


def _most_exact(sheet: Sheet, found: PositionColumns) -> PositionColumns:
    """Prefer text to 4-byte floats, which are wrong by up to 0.1 arcsec."""
    if sheet.table.schema.field(found.ra).type != pa.float32():
        return found
    little = f"{found.ra} and {found.dec} are floats of only 4 bytes"
    text = next(_texts(sheet), None)
    if text is None:
        note = f"{little}: positions may be wrong by up to 0.1 arcsec."
        return replace(found, notes=[*found.notes, note])
    note = f"The positions are read from {text.ra} and {text.dec}, because {little}."
    return replace(text, shadowed=(found.ra, found.dec), notes=[*found.notes, note])


def _texts(sheet: Sheet) -> Iterator[PositionColumns]:
    """Find the sexagesimal text that some tables have beside 4-byte floats."""
    for ra, dec in _pairs(sheet):
        if {plain(ra.name), plain(dec.name)} == {"rastring", "decstring"}:
            yield _of_pair(ra, dec)


def _no_header(sheet: Sheet) -> str:
    rows = "\n".join(f"  {row}" for row in first_rows(sheet))
    return (
        "the table has no header, so it is not known which columns are the positions. "
        "Name them by number, such as --ra 2 --dec 3 (and --id 1). The first rows, "
        f"with the numbers of their columns:\n{rows}\n"
    )


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
        f"(degrees, or text such as 12:34:56.7 -01:02:03).{hint} {listing(names)}"
    )


def _designation(column: pa.Array) -> str:
    if not pa.types.is_string(column.type) or not len(column):
        return ""
    return designation_in(column[0].as_py() or "")

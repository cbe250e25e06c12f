"""Identifiers, kept exact: they are never converted to floats.

An object id of a survey often has 18 or 19 digits, but a float64 preserves only 15 to
17. If a column was stored as floats, its numbers identify other objects or none, so
such columns are detected and reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .identifier_scheme import IdentifierScheme

__all__ = [
    "as_plain",
    "as_text",
    "exact",
    "follows",
    "is_missing",
    "is_rounded",
    "natural_type",
    "numbers_of",
    "share_of",
    "to_type",
    "trouble",
]

#: Values that are processed at a time, so that intermediate arrays stay small.
_PART = 65_536

#: A float64 cannot represent every integer above this.
_EXACT_FLOATS = 2**53
#: Integers near 6e17 that were floats are multiples of 64, the spacing of float64
#: between 2**58 and 2**59; larger ones are multiples of larger powers of two.
_ROUNDED_TO = 64
#: With fewer values, all of them may be multiples of 64 by chance.
_FEWEST_ROUNDED = 3

#: Values that catalogues write in place of a missing identifier.
_MISSING = pa.array(["", "-9999", "-999", "nan", "NaN", "--", "None", "null"])

_NUMBER = r"^[+-]?\d*\.?\d*(?:[eE][+-]?\d+)?$"
#: Numbers that a float represents exactly: without exponent, and not too long.
_WHOLE = r"^[+-]?\d{1,16}\.0*$"
_SHORT = r"^[+-]?\d{1,15}(?:\.0*)?$|^[+-]?(?:\d{1,9}\.\d{1,5}|\d{1,15})$"
_INTEGER = r"^\d{1,20}$"
_AT_MOST_19_DIGITS = r"^\d{1,19}$"

#: A column has identifiers of an archive if more than this fraction of its values are
#: such identifiers; a few arbitrary numbers look like them by chance.
_SHARE = 0.05


def _parts(column: pa.Array) -> Iterator[pa.Array]:
    return (column[start : start + _PART] for start in range(0, len(column), _PART))


def as_text(column: pa.Array) -> pa.Array:
    """Return each value as text, exact, without blanks around; null if missing."""
    text = pc.utf8_trim_whitespace(_strings(column))
    missing = pc.is_in(text, value_set=_MISSING)
    return pc.if_else(missing, pa.scalar(None, pa.string()), text)


def is_missing(column: pa.Array) -> NDArray[np.bool_]:
    """Return a mask of the rows without an identifier."""
    missing = [pc.is_null(as_text(part)) for part in _parts(column)]
    found: NDArray[np.bool_] = pa.chunked_array(missing, pa.bool_()).to_numpy()
    return found


def _strings(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def exact(column: pa.Array) -> tuple[pa.Array, list[str]]:
    """Convert identifiers to integers or text without loss; also return notes.

    Floats that are whole numbers become integers, and bytes become text. A column that
    cannot be converted is returned unchanged: `trouble` gives the reason.
    """
    if _is_dictionary(column):
        column = column.dictionary_decode()
    kind = column.type
    if _is_binary(kind):
        return _from_bytes(column)
    if pa.types.is_floating(kind) and _are_whole(column):
        return _whole(column).cast(pa.int64()), []
    if pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    if _is_string(column.type) and _are_whole_text(column):
        text = pc.utf8_trim_whitespace(column)
        return pc.replace_substring_regex(text, r"^([+-]?\d{1,})\.0*$", r"\1"), []
    return column, []


def as_plain(column: pa.Array) -> pa.Array:
    """Decode a column of bytes or of dictionary-encoded values; else return it."""
    if _is_dictionary(column):
        column = column.dictionary_decode()
    return _from_bytes(column)[0] if _is_binary(column.type) else column


def _whole(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def _are_whole(column: pa.Array) -> bool:
    values = pc.drop_null(_whole(column)).to_numpy(zero_copy_only=False)
    small = np.abs(values) < 2 ** (np.finfo(values.dtype).nmant + 1)
    return bool(len(values) and np.all(small & (values == np.floor(values))))


def _are_whole_text(column: pa.Array) -> bool:
    """Return whether all values are whole numbers, and some of the form ``12.0``."""
    found = False
    for part in _parts(column):
        text = pc.drop_null(as_text(part))
        with_point = pc.match_substring_regex(text, _WHOLE)
        plain = pc.match_substring_regex(text, r"^[+-]?\d{1,}$")
        if not pc.all(pc.or_(with_point, plain)).as_py():
            return False
        numbers = text.filter(with_point).cast(pa.float64())
        if len(numbers) and pc.max(pc.abs(numbers)).as_py() >= _EXACT_FLOATS:
            return False
        found |= bool(pc.any(with_point).as_py())
    return found


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _from_bytes(column: pa.Array) -> tuple[pa.Array, list[str]]:
    values = [None if v is None else v.rstrip(b"\0 ") for v in column.to_pylist()]
    for encoding in ("utf-8", "latin-1"):
        try:
            texts = [None if v is None else v.decode(encoding) for v in values]
        except UnicodeDecodeError:
            continue
        if not all(text is None or text.isprintable() for text in texts):
            break
        note = "The identifiers are bytes that are not UTF-8; they were read as Latin-1"
        return pa.array(texts, pa.string()), [f"{note}."] * (encoding == "latin-1")
    return column, []


def trouble(column: pa.Array) -> str:
    """Return the reason why a column cannot identify objects; empty if it can."""
    column, _ = exact(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return "holds floating-point numbers, which lose the last digits of an id"
    if _is_binary(kind):
        return "holds bytes that are not text"
    if pa.types.is_nested(kind) or pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return f"holds no identifiers ({kind})"
    damaged = _first_like(column, "[.eE]", _SHORT) if _is_string(kind) else ""
    if damaged:
        return f"holds numbers like {damaged}, which have lost the last digits of an id"
    return ""


def _is_dictionary(column: pa.Array) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _first_float(column: pa.Array) -> str:
    """Return the first float, such as ``1.24E+18``, if all values are numbers."""
    return _first_like(column, "[.eE]")


def _first_like(column: pa.Array, pattern: str, ignored: str = "^$") -> str:
    """Return the first value that has the pattern, if all values are numbers."""
    first = ""
    for part in _parts(column):
        text = pc.drop_null(as_text(part))
        if not pc.all(pc.match_substring_regex(text, _NUMBER)).as_py():
            return ""
        found = text.filter(
            pc.and_not(
                pc.match_substring_regex(text, pattern),
                pc.match_substring_regex(text, ignored),
            )
        )
        first = first or (str(found[0].as_py()) if len(found) else "")
    return first


def is_rounded(column: pa.Array) -> bool:
    """Return whether all large integers are multiples of 64, as after rounding."""
    if pa.types.is_integer(column.type) and not _has_large(column):
        return False
    found = large = 0
    for part in _parts(column):
        values = _integers(part)
        big = values[values > _EXACT_FLOATS]
        if np.any(big % np.uint64(_ROUNDED_TO)):
            return False
        found, large = found + len(values), large + len(big)
    return large >= _FEWEST_ROUNDED and 2 * large >= found


def _has_large(column: pa.Array) -> bool:
    largest = pc.max(column).as_py()
    return largest is not None and largest > _EXACT_FLOATS


def follows(column: pa.Array, scheme: IdentifierScheme) -> bool:
    """Return whether enough of the values are identifiers of an archive."""
    return share_of(column, scheme) > _SHARE


def share_of(column: pa.Array, scheme: IdentifierScheme) -> float:
    """Return the fraction of the values that are identifiers of an archive, 0 to 1."""
    found = sum(
        int(scheme.are_identifiers(_integers(as_text(part))).sum())
        for part in _parts(column)
    )
    return found / len(column) if len(column) else 0.0


def _integers(column: pa.Array) -> NDArray[np.uint64]:
    """Return the values that are integers of at most 64 bits; others are left out."""
    if pa.types.is_unsigned_integer(column.type):
        values = pc.drop_null(column)
    elif pa.types.is_signed_integer(column.type):
        values = column.filter(pc.greater_equal(column, 0))
    elif _is_string(column.type):
        # Twenty digits may exceed 64 bits; an `IdentifierScheme` has fewer.
        text = column.filter(pc.match_substring_regex(column, _INTEGER))
        values = text.filter(pc.less_equal(pc.utf8_length(text), 19))
    else:
        return np.empty(0, np.uint64)
    result: NDArray[np.uint64] = values.cast(pa.uint64()).to_numpy(zero_copy_only=False)
    return result


def numbers_of(
    column: pa.Array, scheme: IdentifierScheme
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the rows, from 0, with identifiers of an archive, and the identifiers."""
    rows, values = [], []
    for start in range(0, len(column), _PART):
        text = as_text(column[start : start + _PART])
        is_whole = pc.match_substring_regex(text, _AT_MOST_19_DIGITS).fill_null(False)
        numbers = text.filter(is_whole).cast(pa.uint64()).to_numpy(zero_copy_only=False)
        known = scheme.are_identifiers(numbers)
        places = np.flatnonzero(is_whole.to_numpy(zero_copy_only=False))
        rows.append(places[known] + start)
        values.append(numbers[known])
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    return np.concatenate(rows), np.concatenate(values)


def natural_type(column: pa.Array) -> pa.DataType:
    """Return the number type that represents a text column exactly; else string."""
    kinds = [pa.int64(), pa.uint64()]
    if any(_has_leading_zeros(part) for part in _parts(column)):
        kinds = []
    elif _first_float(column):
        kinds = [pa.float64()]
    if all(
        to_type(part, pa.string()).null_count == len(part) for part in _parts(column)
    ):
        kinds = []
    return next((kind for kind in kinds if _fits(column, kind)), pa.string())


def _has_leading_zeros(column: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, r"^\s*0[\dxX]\w*\s*$")).as_py())


def _fits(column: pa.Array, kind: pa.DataType) -> bool:
    try:
        for part in _parts(column):
            to_type(part, kind)
    except pa.ArrowInvalid:
        return False
    return True


def to_type(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast text, without blanks around it, to another type; empty text becomes null."""
    text = pc.utf8_trim_whitespace(column)
    filled = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return filled.cast(kind)

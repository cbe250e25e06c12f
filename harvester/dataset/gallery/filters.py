"""The columns that the page filters by, each in a script of its own.

The page loads a column when the user filters or sorts by it.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...states import State
from .chunks import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from .galaxies import GalaxyTable, Slot

__all__ = ["FilterColumn", "write_filters"]

#: A label with at most this many different values is a choice among them.
_MOST_CHOICES = 40

#: Whole numbers with at most this many values are choices: classes, not counts.
_MOST_WHOLE = 12

#: Significant digits of numbers, which decide about ranges only.
_DIGITS = 6


class FilterColumn(NamedTuple):
    """What the page knows of a label before it loads its column."""

    name: str
    #: Path of the script without its ending.
    file: str
    #: ``choice``, ``range`` or ``text``.
    kind: str
    #: The choices; or the least and the largest number.
    values: list[Any]


def write_filters(table: GalaxyTable) -> tuple[list[FilterColumn], dict[str, Any], int]:
    """Write the columns; return labels, values of the stamps' columns, and bytes.

    Raises
    ------
    LocalError
        A file cannot be written.
    """
    size = _write(table, "columns/id", table.label("id_str").to_pylist())
    found = []
    for number, name in enumerate(table.labels):
        described, values = _describe(
            name, f"columns/label-{number}", table.label(name)
        )
        if described:
            found.append(described)
            size += _write(table, described.file, values)
    stamps = _StampColumns(table)
    for number, slot in enumerate(table.slots):
        size += _write(table, f"columns/band-{number}", stamps.of(slot))
    return found, stamps.words(), size


def _write(table: GalaxyTable, file: str, values: Any) -> int:  # noqa: ANN401 - any JSON
    text = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
    content = f"receive({json.dumps(file)},{text});\n".encode()
    write_file(table.out / "gallery" / f"{file}.js", content)
    return len(content)


def _describe(
    name: str, file: str, column: pa.Array
) -> tuple[FilterColumn | None, list[Any]]:
    """Return how a label is filtered, and its values; None if it has no use."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return None, []
    distinct = column.unique().drop_null()
    if pa.types.is_boolean(column.type):
        column, distinct = column.cast(pa.string()), distinct.cast(pa.string())
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    most = _MOST_WHOLE if pa.types.is_integer(column.type) else _MOST_CHOICES
    if len(distinct) <= most and not pa.types.is_floating(column.type):
        choices = sorted(distinct.to_pylist(), key=_by_number)
        codes = pc.fill_null(pc.index_in(column, pa.array(choices, column.type)), -1)
        named = [str(choice) for choice in choices]
        return FilterColumn(name, file, "choice", named), codes.to_pylist()
    if is_number:
        return _numbers(name, file, column)
    return FilterColumn(name, file, "text", []), [
        None if one is None else str(one) for one in column.to_pylist()
    ]


def _by_number(value: Any) -> tuple[bool, Any]:  # noqa: ANN401 - of any column
    return isinstance(value, str), value


def _numbers(
    name: str, file: str, column: pa.Array
) -> tuple[FilterColumn | None, list[Any]]:
    values = [_short(one) for one in column.to_pylist()]
    known = [one for one in values if one is not None]
    if not known:
        return None, []
    return FilterColumn(name, file, "range", [min(known), max(known)]), values


def _short(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


class _StampColumns:
    """Status, reason, coverage and flags of each galaxy in each band."""

    def __init__(self, table: GalaxyTable) -> None:
        self._count = len(table)
        self._numbers = table.numbers
        self._archive, self._band = table.column("survey"), table.column("band")
        self._status = _Coded(table.column("status"))
        self._reason = _Coded(table.column("missing_reason"))
        self._flags = _Coded(table.column("flags"))
        self._coverage = table.column("coverage").to_numpy(zero_copy_only=False)

    def of(self, slot: Slot) -> dict[str, list[Any]]:
        """Return the columns of a band; -1 where a galaxy has no row of it."""
        mine = pc.and_(
            pc.equal(self._archive, slot.archive), pc.equal(self._band, slot.band)
        ).to_numpy(zero_copy_only=False)
        # Several stamps of a galaxy in a band: the first one is the best, and counts.
        rows = np.flatnonzero(mine)[::-1]
        numbers = self._numbers[rows]
        coverage = np.full(self._count, -1.0)
        coverage[numbers] = np.nan_to_num(self._coverage[rows], nan=-1.0)
        return {
            "status": self._spread(self._status.codes[rows], numbers),
            "reason": self._spread(self._reason.codes[rows], numbers),
            "flags": self._spread(self._flags.codes[rows], numbers),
            "coverage": [round(one, 3) for one in coverage.tolist()],
        }

    def _spread(
        self, values: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> list[int]:
        spread = np.full(self._count, -1)
        spread[numbers] = values
        return spread.tolist()

    def words(self) -> dict[str, Any]:
        """Return the texts of the codes; of flags also those that occur."""
        singles = sorted({one for text in self._flags.texts for one in text.split()})
        return {
            "status": self._status.texts,
            "reason": self._reason.texts,
            "flags": self._flags.texts,
            "flag_names": singles,
        }


class _Coded:
    """A column of texts as numbers of its different texts."""

    def __init__(self, column: pa.Array) -> None:
        encoded = column.fill_null("").dictionary_encode()
        self.texts: list[str] = encoded.dictionary.to_pylist()
        self.codes: NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)


def count_stamps(table: GalaxyTable) -> list[dict[str, int]]:
    """Count the stamps of each band by status, in the order of the bands and states."""
    keys = ["survey", "band", "status"]
    grouped = pa.table({name: table.column(name) for name in keys}).group_by(keys)
    counts: Mapping[tuple[str, str, str], int] = {
        (row["survey"], row["band"], row["status"]): row["count_all"]
        for row in grouped.aggregate([([], "count_all")]).to_pylist()
    }
    return [dict(_of_slot(counts, slot)) for slot in table.slots]


def _of_slot(
    counts: Mapping[tuple[str, str, str], int], slot: Slot
) -> Iterator[tuple[str, int]]:
    known: Sequence[str] = [state.value for state in State]
    mine = {key[2]: n for key, n in counts.items() if key[:2] == slot[:2]}
    for status in (*known, *sorted(set(mine) - set(known))):
        if status in mine:
            yield status, mine[status]

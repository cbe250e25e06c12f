"""How a catalogue was read: a summary as sentences and as JSON."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .angle_units import AngleUnit
    from .meaning import Meaning
    from .rows import Rows
    from .source import Source

__all__ = ["SampleRow", "Understanding", "described", "read_as", "reasons"]

#: Number of rows that the summary shows.
_SHOWN = 3

#: The value of one row in a reason for a reject; `reasons` removes it to count reasons.
_VALUE = re.compile(
    r"^(RA|Dec|longitude|latitude) .* (is not an angle|is beyond|is far|stands for)",
    re.DOTALL,
)
_COUNT = re.compile(r"(?<=line )\d+|\d+(?= fields)|(?<=instead of )\d+")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row, as it is in the file and as it was read."""

    line: int
    id: str
    #: The two values in the file.
    written: tuple[str, str]
    #: ICRS degrees; None if the row is not a target.
    ra: float | None
    dec: float | None

    def __str__(self) -> str:
        """Return one line of text."""
        there = f"{self.written[0]}, {self.written[1]}"
        if not self.written[0]:
            return f"Line {self.line}: {self.id or '-'}"
        if self.ra is None or self.dec is None:
            return f"Line {self.line}: {self.id or '-'} at {there}: not a target"
        return (
            f"Line {self.line}: {self.id} at {there}: RA {self.ra:.6f}, Dec "
            f"{self.dec:+.6f} degrees"
        )


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a catalogue was read; it is printed before any frame is fetched."""

    #: The format of the file in words.
    format: str
    #: Name of the table; empty if it has none.
    table: str
    rows: int
    targets: int
    #: The column of the identifiers; empty if galaxies are named after positions.
    id: str
    #: The columns of the positions; empty if the table has none.
    ra: str
    dec: str
    ra_unit: str
    dec_unit: str
    #: The frame in the file; positions are transformed from it to ICRS.
    frame: str
    sample: tuple[SampleRow, ...]
    #: How many identifiers agree with the positions; None if there are no positions.
    agreement: Agreement | None
    #: Reasons for rejects, and how many rows have each of them.
    rejects: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    #: The archive at which the positions are looked up; empty if the table has
    #: positions.
    looked_up_at: str = ""

    def words(self) -> list[str]:
        """Return the summary as sentences."""
        return list(self._words())

    def _words(self) -> Iterable[str]:
        table = f", table {self.table}" if self.table else ""
        yield f"Read as {self.format or 'a table'}{table}: {_rows(self.rows)}."
        yield self._taken()
        if self.ra:
            yield (
                f"Units: {self.ra_unit} in {self.ra}, {self.dec_unit} in {self.dec}; "
                f"frame: {self.frame}."
            )
        yield from map(str, self.sample)
        if self.agreement and self.agreement.compared:
            yield f"{self.agreement}."
        elif self.ra:
            yield "No identifiers can be compared with the positions."
        yield from self.notes
        if self.rejects:
            listed = "; ".join(f"{why} ({n})" for why, n in self.rejects.items())
            yield f"Why rows were left out: {listed}."

    def _taken(self) -> str:
        name = f"column {self.id}" if self.id else "the position"
        if not self.ra:
            return (
                f"The identifier was taken from {name}. The table has no positions: "
                f"they will be looked up at {self.looked_up_at}."
            )
        return (
            f"The identifier was taken from {name}, the position from columns "
            f"{self.ra} and {self.dec}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a dictionary that JSON can hold."""
        known = asdict(self)
        if self.agreement is None:
            known["agreement"] = asdict(Agreement())
        return known


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def reasons(texts: Iterable[str]) -> dict[str, int]:
    """Count reasons without the values of single rows; the most frequent come first."""
    counts = Counter(
        _COUNT.sub("...", _VALUE.sub(r"\1 ... \2", text)) for text in texts
    )
    return dict(counts.most_common())


def described(
    source: Source,
    meaning: Meaning | None,
    rows: Rows,
    agreement: Agreement | None,
) -> Understanding:
    """Describe how a table was read; ``meaning`` is None if it has no positions."""
    sheet, columns = source.sheet, source.columns
    units = ("", "") if meaning is None else _units(source, meaning)
    return Understanding(
        format=sheet.format,
        table=sheet.name,
        rows=sheet.table.num_rows,
        targets=len(rows.kept),
        id=source.id_found.name,
        ra=columns.ra if columns else "",
        dec=columns.dec if columns else "",
        ra_unit=units[0],
        dec_unit=units[1],
        frame=_frame(meaning) if meaning else "",
        sample=tuple(_sample(source, rows)),
        agreement=agreement,
        looked_up_at=source.listed.scheme.title if source.listed else "",
    )


def read_as(source: Source, meaning: Meaning) -> str:
    """Return the columns, units and frame of the positions in a few words."""
    assert source.columns is not None
    ra, dec = _units(source, meaning)
    return (
        f"column {source.columns.ra} in {ra} and column {source.columns.dec} in {dec}, "
        f"frame {_frame(meaning)}"
    )


def _frame(meaning: Meaning) -> str:
    return str(meaning.frame) if meaning.is_frame_stated else "ICRS (none is stated)"


def _units(source: Source, meaning: Meaning) -> tuple[str, str]:
    columns = source.columns
    assert columns is not None
    return (
        _unit(source, columns.ra, meaning.ra_unit),
        _unit(source, columns.dec, meaning.dec_unit),
    )


def _unit(source: Source, name: str, unit: AngleUnit | None) -> str:
    if source.columns and source.columns.split:
        return "h, m, s" if name == source.columns.ra else "d, m, s"
    if unit:
        return unit.name
    return "deg (no unit is stated)" if source.are_numbers(name) else "text"


def _sample(source: Source, rows: Rows) -> Iterator[SampleRow]:
    shown = np.arange(min(_SHOWN, source.sheet.table.num_rows))
    kept = set(rows.kept[:_SHOWN].tolist())
    names = rows.names.of(shown)
    for row, written in enumerate(_written(source)):
        ra, dec = float(rows.positions.ra[row]), float(rows.positions.dec[row])
        is_target = row in kept and not np.isnan(ra)
        place = (ra, dec) if is_target else (None, None)
        yield SampleRow(int(rows.lines[row]), names[row], written, *place)


def _written(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the two values of the first rows as they are in the file."""
    columns, sheet = source.columns, source.sheet
    if columns is None:
        yield from [("", "")] * min(_SHOWN, sheet.table.num_rows)
        return
    axes = columns.split or ((columns.ra,), (columns.dec,))
    ra, dec = (
        [sheet.column(name)[:_SHOWN].to_pylist() for name in _names(axis)]
        for axis in axes
    )
    for one, other in zip(zip(*ra, strict=True), zip(*dec, strict=True), strict=True):
        yield " ".join(map(str, one)), " ".join(map(str, other))


def _names(axis: Any) -> Iterable[str]:
    return axis if isinstance(axis, tuple) else axis.names

"""What the card of a data set counts: galaxies, stamps, labels, coverage, units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "BandCoverage",
    "Categories",
    "PixelUnit",
    "Range",
    "band_coverages",
    "galaxies_of",
    "label_counts",
    "missing_counts",
    "pixel_units",
]

#: A label with more distinct values than this is shown as a range; fewer for numbers.
_MOST_CATEGORIES, _MOST_NUMBERS = 20, 10

#: Columns that are the same in all rows of a galaxy.
_KEYS = ["id_str", "ra", "dec"]


@dataclass(frozen=True, slots=True)
class BandCoverage:
    """How many galaxies have a stamp in a band of a survey."""

    survey: str
    band: str
    galaxies: int
    stamps: int
    #: Median fraction (0 to 1) of valid pixels of the stamps; None without stamps.
    median: float | None


@dataclass(frozen=True, slots=True)
class Categories:
    """A label with few distinct values: how many galaxies have each."""

    name: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A label with many values: their range, or only how many there are."""

    name: str
    type: str
    known: int
    missing: int
    #: Smallest, median and largest value; None for texts.
    spread: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class PixelUnit:
    """The unit of the pixels of a band, and what it is worth."""

    survey: str
    band: str
    unit: str
    stamps: int
    #: Smallest and largest value over the stamps; None if unknown.
    zero_point: tuple[float, float] | None
    pixel_scale: tuple[float, float] | None
    psf_fwhm: tuple[float, float] | None
    dates: tuple[str, str] | None


def galaxies_of(manifest: pa.Table, labels: Sequence[str]) -> pa.Table:
    """Give one row for each galaxy, with its labels."""
    number = pa.array(range(manifest.num_rows), pa.int64())
    rows = manifest.select(_KEYS).append_column("row", number)
    first = rows.group_by(_KEYS, use_threads=False).aggregate([("row", "min")])
    return manifest.select([*_KEYS, *labels]).take(first["row_min"])


def band_coverages(manifest: pa.Table) -> list[BandCoverage]:
    """Count galaxies and stamps of each band, in the order of the manifest."""
    return [
        BandCoverage(
            survey,
            band,
            galaxies_of(rows, []).num_rows,
            rows.num_rows - rows["file_loc"].null_count,
            _median(rows),
        )
        for survey, band, rows in _by_band(manifest)
    ]


def _by_band(manifest: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    keys = ["survey", "band"]
    pairs = manifest.select(keys).group_by(keys, use_threads=False).aggregate([])
    for pair in pairs.to_pylist():
        is_of = pc.and_(
            pc.equal(manifest["survey"], pair["survey"]),
            pc.equal(manifest["band"], pair["band"]),
        )
        yield pair["survey"], pair["band"], manifest.filter(is_of)


def _median(rows: pa.Table) -> float | None:
    middle = pc.quantile(rows["coverage"], 0.5)[0].as_py()
    return None if middle is None else float(middle)


def missing_counts(manifest: pa.Table) -> list[tuple[str, str, str, int]]:
    """Count the galaxies without a stamp: survey, band, reason, galaxies."""
    # Runs of earlier versions have no typed reason.
    column = "missing_reason" if "missing_reason" in manifest.schema.names else "status"
    without = manifest.filter(pc.is_null(manifest["file_loc"]))
    keys = ["survey", "band", column]
    counts = without.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    return [
        (*(r[key] or "" for key in keys), r["count_all"]) for r in counts.to_pylist()
    ]


def label_counts(
    galaxies: pa.Table, labels: Sequence[str]
) -> tuple[list[Categories], list[Range]]:
    """Count the values of each label over the galaxies."""
    categories: list[Categories] = []
    ranges: list[Range] = []
    for name in labels:
        found = _described(name, galaxies[name])
        (categories if isinstance(found, Categories) else ranges).append(found)  # type: ignore[arg-type]  # the list fits the type
    return categories, ranges


def _described(name: str, column: pa.ChunkedArray) -> Categories | Range:
    kind = column.type
    missing = column.null_count
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return Range(name, str(kind), len(column) - missing, missing, None)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    most = _MOST_NUMBERS if pa.types.is_integer(kind) else _MOST_CATEGORIES
    if not pa.types.is_floating(kind) and 0 < len(column.unique()) <= most:
        return Categories(name, _counts(column))
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return Range(name, str(kind), len(column) - missing, missing, None)
    # NaN and infinity count as missing too.
    known = pc.drop_null(column).cast(pa.float64(), safe=False)
    known = known.filter(pc.is_finite(known))
    count = len(known)
    return Range(name, str(kind), count, len(column) - count, _spread(known))


def _counts(column: pa.ChunkedArray) -> tuple[tuple[str, int], ...]:
    counts = [
        (_shown(v["values"]), v["counts"]) for v in column.value_counts().to_pylist()
    ]
    return tuple(sorted(counts, key=lambda pair: (-pair[1], pair[0])))


def _shown(value: Any) -> str:  # noqa: ANN401 - any value of a catalogue
    return "(none)" if value in {None, ""} else str(value)


def _spread(known: pa.ChunkedArray) -> tuple[float, float, float] | None:
    if not len(known):
        return None
    low, middle, high = pc.quantile(known, [0, 0.5, 1]).to_pylist()
    return low, middle, high


def pixel_units(manifest: pa.Table) -> list[PixelUnit]:
    """Give the units of each band; none for runs that do not record them."""
    if "unit" not in manifest.schema.names:
        return []
    stamps = manifest.filter(pc.is_valid(manifest["file_loc"]))
    return [
        _unit(survey, band, str(unit or "unknown"), rows.filter(_is(rows, unit)))
        for survey, band, rows in _by_band(stamps)
        for unit in rows["unit"].unique().to_pylist()
    ]


def _is(rows: pa.Table, unit: str | None) -> pa.ChunkedArray:
    return pc.is_null(rows["unit"]) if unit is None else pc.equal(rows["unit"], unit)


def _unit(survey: str, band: str, unit: str, rows: pa.Table) -> PixelUnit:
    return PixelUnit(
        survey,
        band,
        unit,
        rows.num_rows,
        _ends(rows, "zero_point"),
        _ends(rows, "pixel_scale"),
        _ends(rows, "psf_fwhm"),
        _ends(rows, "date_obs"),
    )


def _ends(rows: pa.Table, name: str) -> Any:  # noqa: ANN401 - numbers or texts
    if name not in rows.schema.names:
        return None
    known = rows[name].drop_null()
    if pa.types.is_string(known.type) or pa.types.is_large_string(known.type):
        known = known.filter(pc.not_equal(known, ""))
    if not len(known):
        return None
    ends = pc.min_max(known)
    return ends["min"].as_py(), ends["max"].as_py()

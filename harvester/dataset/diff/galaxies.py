"""How the rows of two manifests differ, galaxy by galaxy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...sky.sphere import unit_vectors
from ..manifest import label_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    #: A row of a manifest.
    Row = dict[str, Any]

__all__ = ["GalaxyDiff", "RowKey", "compare_rows"]

#: Arcsec by which a position must change to be told: far below a pixel, above what
#: single precision loses.
_MOVED_ARCSEC = 0.1

#: Columns of a stamp that are compared, beside its bytes.
_STAMP = ("status", "missing_reason", "reason", "product", "parent")


class RowKey(NamedTuple):
    """What names a stamp in both manifests."""

    id_str: str
    survey: str
    band: str
    #: Counts the stamps of a galaxy in a band, and galaxies with the same identifier.
    place: int


@dataclass(slots=True)
class GalaxyDiff:
    """What differs between the rows of two manifests."""

    #: Stamps, or missing ones, that only one manifest has.
    removed: list[RowKey] = field(default_factory=list)
    added: list[RowKey] = field(default_factory=list)
    #: Galaxies whose position differs, with the distance in arcsec.
    moved: dict[str, float] = field(default_factory=dict)
    #: Number of galaxies whose label differs, by label; and labels of only one side.
    labels: dict[str, int] = field(default_factory=dict)
    labels_removed: list[str] = field(default_factory=list)
    labels_added: list[str] = field(default_factory=list)
    #: Changes of status and of the frame: column, before, after.
    stamps: dict[RowKey, list[tuple[str, Any, Any]]] = field(default_factory=dict)
    #: Stamps with other bytes: their paths before and after.
    bytes: dict[RowKey, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not any(
            (
                self.removed, self.added, self.moved, self.labels, self.labels_removed,
                self.labels_added, self.stamps, self.bytes,
            )
        )  # fmt: skip


def compare_rows(before: pa.Table, after: pa.Table) -> GalaxyDiff:
    """Compare two manifests; the order of the rows does not matter."""
    old, new = _by_key(before), _by_key(after)
    found = GalaxyDiff(
        removed=[key for key in old if key not in new],
        added=[key for key in new if key not in old],
    )
    old_labels, new_labels = label_names(before), label_names(after)
    found.labels_removed = [name for name in old_labels if name not in new_labels]
    found.labels_added = [name for name in new_labels if name not in old_labels]
    common = [name for name in old_labels if name in new_labels]
    seen: set[tuple[str, int]] = set()
    for key, one in old.items():
        other = new.get(key)
        if other is None:
            continue
        _compare_stamp(key, one, other, found)
        galaxy = (key.id_str, key.place)
        if galaxy not in seen:
            seen.add(galaxy)
            _compare_galaxy(one, other, common, found)
    return found


def _by_key(table: pa.Table) -> dict[RowKey, Row]:
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    keyed = {}
    for row in _rows(table):
        own = (row["id_str"], row["survey"], row["band"])
        keyed[RowKey(*own, counts[own])] = row
        counts[own] += 1
    return keyed


def _rows(table: pa.Table) -> Iterator[Row]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _compare_stamp(key: RowKey, one: Row, other: Row, found: GalaxyDiff) -> None:
    changes = [
        (name, one[name], other[name]) for name in _STAMP if one[name] != other[name]
    ]
    has_both = one["file_loc"] and other["file_loc"]
    is_other = one["sha256"] != other["sha256"]
    if has_both and is_other:
        found.bytes[key] = (one["file_loc"], other["file_loc"])
    # The same bytes from a frame that is known by another version are the same stamp.
    if has_both and not is_other:
        changes = [change for change in changes if change[0] != "parent"]
    if changes:
        found.stamps[key] = changes


def _compare_galaxy(one: Row, other: Row, labels: list[str], found: GalaxyDiff) -> None:
    distance = _arcsec(one, other)
    if distance > _MOVED_ARCSEC:
        found.moved[one["id_str"]] = round(distance, 3)
    for name in labels:
        if not _is_same(one[name], other[name]):
            found.labels[name] = found.labels.get(name, 0) + 1


def _is_same(one: object, other: object) -> bool:
    is_nan = one != one and other != other  # noqa: PLR0124 - NaN
    return is_nan or one == other


def _arcsec(one: Row, other: Row) -> float:
    import numpy as np  # not needed for the command line

    first, second = unit_vectors([one["ra"], other["ra"]], [one["dec"], other["dec"]])
    chord = float(np.linalg.norm(first - second))
    return float(np.degrees(2 * np.arcsin(min(1.0, chord / 2))) * 3600)

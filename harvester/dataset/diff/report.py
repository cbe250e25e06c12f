"""What differs between two data sets, as words and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import LocalError
from ...events import counted
from ..manifest import read_manifest, read_manifest_file, run_facts
from .galaxies import compare_rows
from .pixels import compare_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from .galaxies import GalaxyDiff, RowKey
    from .pixels import PixelChange

__all__ = ["Differences", "find_differences"]

#: Entries that are listed in words; JSON has all.
_LISTED = 10

#: What the manifest tells of a run that decides its stamps.
_RUN = ("version", "settings", "catalogue_sha256")


@dataclass(frozen=True, slots=True)
class Differences:
    """Everything that differs between two data sets."""

    #: How the runs differ: name, before, after.
    runs: list[tuple[str, Any, Any]]
    galaxies: GalaxyDiff
    #: Of stamps with other bytes whose files are both there.
    pixels: dict[RowKey, PixelChange]
    #: Stamps with other bytes of which a file is missing.
    not_compared: list[RowKey]

    @property
    def is_same(self) -> bool:
        """Whether the galaxies and their stamps are the same."""
        return self.galaxies.is_same

    def to_json(self) -> dict[str, Any]:
        """Give everything as JSON can have it."""
        rows = self.galaxies
        return {
            "same": self.is_same,
            "runs": [list(change) for change in self.runs],
            "removed": [list(key) for key in rows.removed],
            "added": [list(key) for key in rows.added],
            "moved_arcsec": rows.moved,
            "labels_changed": rows.labels,
            "labels_removed": rows.labels_removed,
            "labels_added": rows.labels_added,
            "stamps": [
                [*key, *map(list, changes)] for key, changes in rows.stamps.items()
            ],
            "pixels": [[*key, one._asdict()] for key, one in self.pixels.items()],
            "not_compared": [list(key) for key in self.not_compared],
        }

    def words(self) -> Iterator[str]:
        """Say it for a person, a line each."""
        for name, before, after in self.runs:
            yield f"{name}: {before} -> {after}"
        if self.is_same:
            yield "the galaxies, labels and stamps are the same"
            return
        rows = self.galaxies
        yield from _listed("only in the first", map(_name, rows.removed))
        yield from _listed("only in the second", map(_name, rows.added))
        moved = (f"{name} by {by} arcsec" for name, by in rows.moved.items())
        yield from _listed("at another position", moved)
        yield from _listed("labels only in the first", rows.labels_removed)
        yield from _listed("labels only in the second", rows.labels_added)
        labels = (
            f"{name} of {counted(count, 'galaxy', 'galaxies')}"
            for name, count in rows.labels.items()
        )
        yield from _listed("labels with other values", labels)
        stamps = (
            f"{_name(key)}: {'; '.join(_change(*one) for one in changes)}"
            for key, changes in rows.stamps.items()
        )
        yield from _listed("other status or frame", stamps)
        pixels = (f"{_name(key)}: {_pixels(one)}" for key, one in self.pixels.items())
        yield from _listed("stamps with other bytes", pixels)
        missing = map(_name, self.not_compared)
        yield from _listed("other bytes, but a file is missing", missing)


def find_differences(before: Path, after: Path) -> Differences:
    """Compare two runs, each a folder or the Parquet file of a manifest.

    Raises
    ------
    InputError
        One of them has no manifest.
    """
    old, new = _read(before), _read(after)
    rows = compare_rows(old, new)
    pixels, missing = {}, []
    for key, (one, other) in rows.bytes.items():
        try:
            pixels[key] = compare_pixels(_root(before) / one, _root(after) / other)
        except LocalError:
            missing.append(key)
    return Differences(_runs(old, new), rows, pixels, missing)


def _read(path: Path) -> pa.Table:
    return read_manifest(path) if path.is_dir() else read_manifest_file(path)


def _root(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _runs(old: pa.Table, new: pa.Table) -> list[tuple[str, Any, Any]]:
    before, after = _flat(run_facts(old.schema)), _flat(run_facts(new.schema))
    return [
        (name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    known = {name: facts[name] for name in _RUN if name in facts}
    return {**known.pop("settings", {}), **known}


def _listed(title: str, entries: Iterator[str] | list[str] | map[str]) -> Iterator[str]:
    every = list(entries)
    if not every:
        return
    yield f"{title}: {len(every):,}"
    yield from (f"  {one}" for one in every[:_LISTED])
    if len(every) > _LISTED:
        yield f"  and {len(every) - _LISTED:,} more (--json lists all)"


def _name(key: RowKey) -> str:
    further = f" ({key.place + 1})" if key.place else ""
    return f"{key.id_str} {key.survey} {key.band}{further}"


def _change(name: str, before: object, after: object) -> str:
    return f"{name} {before or 'none'} -> {after or 'none'}"


def _pixels(change: PixelChange) -> str:
    if change.shapes:
        (old_ny, old_nx), (new_ny, new_nx) = change.shapes
        return f"{old_nx} x {old_ny} pixels -> {new_nx} x {new_ny}"
    if change.is_header_only:
        return "the same pixels, other header cards"
    parts = [f"{count:,} pixels of {name}" for name, count in change.changed.items()]
    parts += [f"{name} in one only" for name in change.lacking]
    if change.most:
        sigma = f" ({change.most_sigma:.2g} sigma)" if change.most_sigma else ""
        parts.append(f"flux by at most {change.most:.4g}{sigma}")
    return ", ".join(parts)

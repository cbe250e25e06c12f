"""The facts of the card: what an export made of a run, and what there is to count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ....archives.registry import kinds
from ....ledger.run_dates import RunDates
from ...manifest import label_names, run_facts
from . import counts
from .moves import BandMoves, band_moves
from .shifted_positions import ShiftedMatches, shifted_matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

__all__ = ["CardFacts", "DataEdition", "card_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataEdition:
    """What an export made of a run."""

    #: Name of the data set, the heading of its card.
    name: str
    #: The format, as ``--to`` spells it.
    format: str
    #: Python that loads it.
    loading: str
    #: ``(ny, nx)`` of the stamps, by survey.
    shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    #: Galaxies of each split; empty without splits.
    splits: Mapping[str, int] = field(default_factory=dict)
    #: What the user chose, by the name of the option, such as ``--min-coverage``.
    options: Mapping[str, str] = field(default_factory=dict)
    #: Galaxies asked for with ``--starter``; None: this is the whole data set.
    starter: int | None = None
    #: When the run was harvested.
    dates: RunDates = field(default_factory=RunDates)
    #: Columns that the manifest does not have: name to unit and meaning.
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything that the card says."""

    edition: DataEdition
    galaxies: int
    #: Galaxies with a stamp in each band.
    complete: int
    stamps: int
    coverages: Sequence[counts.BandCoverage]
    #: Survey, band, reason, galaxies.
    missing: Sequence[tuple[str, str, str, int]]
    units: Sequence[counts.PixelUnit]
    #: Of stamps that were registered; empty for others.
    moves: Sequence[BandMoves]
    categories: Sequence[counts.Categories]
    ranges: Sequence[counts.Range]
    #: Names of the columns of the manifest that are no labels, and of the labels.
    own_columns: Sequence[str]
    labels: Sequence[str]
    #: None: the archive matched no position to an object.
    shifted: ShiftedMatches | None
    #: Metadata of the manifest: version, settings, catalogue, planes.
    origin: Mapping[str, object]

    @property
    def archives(self) -> list[str]:
        """Names of the archives with a stamp, in the order of the manifest."""
        named = [one.survey for one in self.coverages if one.stamps]
        return [name for name in dict.fromkeys(named) if name in kinds()]

    @property
    def observed(self) -> tuple[str, str] | None:
        """First and last date of observation of all stamps, ISO; None if unknown."""
        dates = [day[:10] for one in self.units for day in one.dates or ()]
        return (min(dates), max(dates)) if dates else None

    @property
    def identity(self) -> Mapping[str, str]:
        """The settings that decide which stamps are made, by name."""
        settings = self.origin.get("settings")
        return settings if isinstance(settings, dict) else {}


def card_facts(manifest: pa.Table, edition: DataEdition) -> CardFacts:
    """Count what the card says.

    Parameters
    ----------
    manifest
        The rows of the manifest that were exported, with the metadata of its schema.
    edition
        What the export made of them.
    """
    origin = run_facts(manifest.schema)
    labels = label_names(manifest)
    own = [name for name in manifest.column_names if name not in labels]
    galaxies = counts.galaxies_of(manifest, labels)
    categories, ranges = counts.label_counts(galaxies, labels)
    coverages = counts.band_coverages(manifest)
    return CardFacts(
        edition=edition,
        galaxies=galaxies.num_rows,
        complete=_complete(manifest, len(coverages)),
        stamps=manifest.num_rows - manifest["file_loc"].null_count,
        coverages=coverages,
        missing=counts.missing_counts(manifest),
        units=counts.pixel_units(manifest),
        moves=band_moves(manifest, coverages),
        categories=categories,
        ranges=ranges,
        own_columns=own,
        labels=labels,
        shifted=shifted_matches(manifest),
        origin=origin,
    )


def _complete(manifest: pa.Table, bands: int) -> int:
    """Count the galaxies with a stamp in so many bands."""
    galaxy = ["id_str", "ra", "dec"]
    keys = [*galaxy, "survey", "band"]
    made = manifest.select(keys).filter(manifest["file_loc"].is_valid())
    distinct = made.group_by(keys, use_threads=False).aggregate([])
    each = distinct.group_by(galaxy, use_threads=False).aggregate([([], "count_all")])
    return int(pc.sum(pc.equal(each["count_all"], bands)).as_py() or 0)

"""What the card says of an export: the rows of the manifest that were exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..selection.axes import axes_of, chosen_axes
from .columns import COLUMNS
from .facts import CardFacts, DataEdition, card_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..options import ExportOptions
    from ..selection.axes import Axis
    from ..selection.selection import Selection

__all__ = ["facts_of_selection"]

#: Columns of the table of galaxies that the manifest does not have, and the first ones.
_OF_GALAXIES = {
    "object_id": ("", "identifier of the galaxy, distinct in the data set"),
    **{name: COLUMNS[name] for name in ("id_str", "ra", "dec")},
    "_healpix_29": ("", "HEALPix pixel of the position, order 29, nested"),
    "split": ("", "the set that the galaxy is in"),
}


def facts_of_selection(selection: Selection, name: str, loading: str) -> CardFacts:
    """Count what the card says of an export in the format ``name``."""
    options = selection.options
    edition = DataEdition(
        name=selection.name,
        format=name,
        loading=loading,
        shapes={survey.name: survey.shape for survey in selection.surveys},
        splits=_splits(selection),
        options=dict(_chosen(options)),
        starter=options.starter,
        dates=selection.snapshot.dates,
        columns=dict(_columns(selection)),
    )
    return card_facts(_exported_rows(selection), edition)


def _splits(selection: Selection) -> Mapping[str, int]:
    if "split" not in selection.galaxies.column_names:
        return {}
    counts = {
        one["values"]: one["counts"]
        for one in pc.value_counts(selection.galaxies["split"]).to_pylist()
    }
    return {name: counts[name] for name in selection.splits}


def _chosen(options: ExportOptions) -> Iterator[tuple[str, str]]:
    if options.bands:
        yield "--bands", ",".join(options.bands)
    if options.min_coverage:
        yield "--min-coverage", f"{options.min_coverage:g}"
    if split := options.split:
        yield "--split", "/".join(f"{one:g}" for one in split.fractions)
        yield "--by", split.by
        yield "--seed", str(split.seed)
    if options.starter is not None:
        yield "--starter", str(options.starter)
    if align := options.align:
        yield "--align", align.to
        yield "--resampling", align.how
        yield "--pixel-scale", f"{align.pixel_scale:g}" if align.pixel_scale else ""
        yield "--size", align.size or ""
        yield "--no-register", "" if align.register else "yes"


def _columns(selection: Selection) -> Iterator[tuple[str, tuple[str, str]]]:
    names = selection.galaxies.column_names
    yield from ((name, _OF_GALAXIES[name]) for name in _OF_GALAXIES if name in names)
    first = _axes(selection)[0].name
    for name in selection.snapshot.own:
        if f"{first}_{name}" in names and name in COLUMNS:
            yield f"SURVEY_BAND_{name}", COLUMNS[name]


def _axes(selection: Selection) -> list[Axis]:
    known = axes_of(selection.snapshot.manifest)
    return chosen_axes(known, selection.options.bands)


def _exported_rows(selection: Selection) -> pa.Table:
    """Give a row for each galaxy and band, with the names of the manifest's columns."""
    files = {
        axis: names
        for survey in selection.surveys
        for axis, names in zip(
            survey.axes,
            survey.files_of(np.arange(selection.galaxies.num_rows)),
            strict=True,
        )
    }
    tables = [_of_axis(selection, axis, files.get(axis)) for axis in _axes(selection)]
    metadata = selection.snapshot.manifest.schema.metadata
    return pa.concat_tables(tables).replace_schema_metadata(metadata)


def _of_axis(selection: Selection, axis: Axis, files: pa.Array | None) -> pa.Table:
    galaxies, count = selection.galaxies, selection.galaxies.num_rows
    columns = {
        # Two galaxies may have the same identifier in their catalogue.
        "id_str": galaxies["object_id"],
        "ra": galaxies["ra"],
        "dec": galaxies["dec"],
        "survey": pa.repeat(axis.survey, count),
        "band": pa.repeat(axis.band, count),
        "file_loc": pa.nulls(count, pa.string()) if files is None else files,
    }
    for name in selection.snapshot.own:
        if (column := f"{axis.name}_{name}") in galaxies.column_names:
            columns[name] = galaxies[column]
    return pa.table(columns | {name: galaxies[name] for name in selection.labels})

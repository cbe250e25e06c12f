"""What is exported: the table of galaxies, and the stamps of each survey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....errors import InputError
from .axes import axes_of, by_survey, chosen_axes
from .galaxies import galaxy_rows, to_galaxies
from .shapes import psf_side, stamp_shape
from .splits import SETS, split_galaxies
from .starter import starter_rows
from .survey_stamps import SurveyStamps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..options import ExportOptions
    from .axes import Axis
    from .snapshot import Snapshot

__all__ = ["Selection", "check_choices", "select"]

#: Missing reason of stamps that ``--min-coverage`` leaves out.
_LEFT_OUT = "failed_qc"


@dataclass(frozen=True, slots=True)
class Selection:
    """The galaxies and stamps of an export. Every format gets the same."""

    #: Name of the data set: that of the run's folder.
    name: str
    #: A row for each galaxy, sorted by ``_healpix_29``; see `to_galaxies`. With
    #: ``split`` after ``_healpix_29`` if the user asked for splits. A galaxy without
    #: any stamp has a row too.
    galaxies: pa.Table
    #: Names of the label columns in ``galaxies``.
    labels: tuple[str, ...]
    surveys: tuple[SurveyStamps, ...]
    options: ExportOptions
    snapshot: Snapshot
    #: Sentences for the user about what was left out.
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the sets, in order; empty if there are none."""
        if "split" not in self.galaxies.column_names:
            return ()
        known = set(pc.unique(self.galaxies["split"]).to_pylist())
        return tuple(name for name in SETS if name in known)

    @property
    def fullest(self) -> SurveyStamps:
        """The survey with stamps of the most galaxies; of equal ones the first."""
        return max(self.surveys, key=len)

    def of_survey(self, survey: SurveyStamps) -> pa.Table:
        """Give the galaxies with a stamp in a survey: a row for each of its arrays.

        The columns are those of ``galaxies`` without those of other surveys.
        """
        others = [f"{a.name}_" for s in self.surveys for a in s.axes if s is not survey]
        names = [
            name
            for name in self.galaxies.column_names
            if name in self.labels or not name.startswith(tuple(others))
        ]
        return self.galaxies.select(names).take(pa.array(survey.rows))


def check_choices(snapshot: Snapshot, options: ExportOptions) -> None:
    """Check the names of bands and labels, as `select` does.

    Raises
    ------
    InputError
        There is no such band or label.
    """
    chosen_axes(axes_of(snapshot.manifest), options.bands)
    _chosen_labels(snapshot.labels, options.labels)


def select(
    root: Path, snapshot: Snapshot, options: ExportOptions, name: str = ""
) -> Selection:
    """Choose what the user asked for, out of a run.

    Parameters
    ----------
    root
        The folder that the files of the snapshot's manifest are relative to.
    name
        Of the data set; without it that of ``root``.

    Raises
    ------
    InputError
        There is no such band or label, the stamps of a survey have several shapes, or
        no stamp is left.
    """
    known = axes_of(snapshot.manifest)
    axes = chosen_axes(known, options.bands)
    labels = _chosen_labels(snapshot.labels, options.labels)
    rows = galaxy_rows(snapshot.manifest, known)
    galaxies = to_galaxies(
        snapshot.manifest, rows, axes, own=snapshot.own, labels=labels
    )
    files = {
        axis: snapshot.manifest["file_loc"].take(rows.of(axis)).combine_chunks()
        for axis in axes
    }
    galaxies, files, low = _without_low(galaxies, files, options.min_coverage)
    order = pc.sort_indices(
        galaxies, [("_healpix_29", "ascending"), ("object_id", "ascending")]
    )
    if options.starter is not None:
        chosen = starter_rows(galaxies["object_id"].to_pylist(), options.starter)
        order = order.filter(pc.is_in(order, pa.array(chosen, order.type)))
    galaxies = galaxies.take(order)
    files = {axis: names.take(order) for axis, names in files.items()}
    surveys = _surveys(root, snapshot, galaxies, files)
    if not surveys:
        msg = (
            "no stamp is left to export. Choose other --bands or a smaller "
            "--min-coverage; `harvester status` says what the run has."
        )
        raise InputError(msg)
    return Selection(
        name=name or root.absolute().name,
        galaxies=_with_split(galaxies, axes, options),
        labels=tuple(galaxies.column_names[-len(labels) :] if labels else ()),
        surveys=surveys,
        options=options,
        snapshot=snapshot,
        notes=tuple(_notes(snapshot, rows.further, low)),
    )


def _chosen_labels(known: Sequence[str], names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in known]
    if unknown:
        msg = (
            f"--labels {unknown[0]}: the catalogue has no such column, only "
            f"{', '.join(known) or 'none'}."
        )
        raise InputError(msg)
    return list(dict.fromkeys(names)) or list(known)


def _without_low(
    galaxies: pa.Table, files: dict[Axis, pa.Array], least: float
) -> tuple[pa.Table, dict[Axis, pa.Array], int]:
    """Take the files of stamps with too little coverage away, and say why."""
    count = 0
    kept = {}
    for axis, names in files.items():
        coverage = pc.fill_null(galaxies[f"{axis.name}_coverage"], 1.0)
        low = pc.less(coverage, least).combine_chunks()
        count += int(pc.sum(low).as_py() or 0)
        kept[axis] = pc.if_else(low, None, names)
        galaxies = _replaced(galaxies, f"{axis.name}_missing_reason", low, _LEFT_OUT)
    return galaxies, kept, count


def _replaced(table: pa.Table, name: str, where: pa.Array, value: str) -> pa.Table:
    if name not in table.column_names:
        return table
    column = pc.if_else(where, value, table[name])
    return table.set_column(table.column_names.index(name), name, column)


def _surveys(
    root: Path,
    snapshot: Snapshot,
    galaxies: pa.Table,
    files: dict[Axis, pa.Array],
) -> tuple[SurveyStamps, ...]:
    planes = tuple(dict.fromkeys(["flux", *snapshot.facts.get("planes", ())]))
    found = []
    for name, axes in by_survey(list(files)).items():
        has_one = np.any([np.asarray(files[a].is_valid()) for a in axes], axis=0)
        rows = np.flatnonzero(has_one)
        if not len(rows):
            continue
        of_survey = tuple(files[axis].take(pa.array(rows)) for axis in axes)
        side = psf_side(root, of_survey) if "psf" in planes else 0
        found.append(
            SurveyStamps(
                name=name,
                axes=axes,
                shape=stamp_shape(root, name, galaxies, files, axes),
                planes=tuple(one for one in planes if one != "psf" or side),
                psf_side=side,
                root=root,
                rows=rows,
                files=of_survey,
            )
        )
    return tuple(found)


def _with_split(
    galaxies: pa.Table, axes: Sequence[Axis], options: ExportOptions
) -> pa.Table:
    if not options.split:
        return galaxies
    chosen = split_galaxies(galaxies, axes, options.split)
    place = galaxies.column_names.index("_healpix_29") + 1
    return galaxies.add_column(place, "split", chosen)


def _notes(snapshot: Snapshot, further: int, low: int) -> list[str]:
    notes = []
    if unsettled := snapshot.unsettled:
        notes.append(
            f"The harvest is not finished: {unsettled:,} of "
            f"{snapshot.manifest.num_rows:,} rows of the manifest are not settled. The "
            "stamps that exist now are exported. Run `harvester resume`, then export "
            "again."
        )
    if further:
        notes.append(
            f"{further:,} further stamps of galaxies with several images in a band "
            "are not exported: each galaxy has its best one."
        )
    if low:
        notes.append(
            f"{low:,} stamps are left out, because --min-coverage excludes them."
        )
    return notes

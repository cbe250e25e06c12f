"""From the manifest, a row for each band, to a table with a row for each galaxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .distinct import distinct
from .healpix import healpix_29

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .axes import Axis

__all__ = ["GalaxyRows", "galaxy_rows", "to_galaxies"]

#: Columns of the manifest that are the same in all rows of a galaxy, or that say where
#: files of the run are.
_NOT_OF_BAND = {"id_str", "ra", "dec", "survey", "band", "file_loc", "sha256", "target"}


class GalaxyRows:
    """Where the rows of each galaxy are in a manifest.

    Parameters
    ----------
    manifest
        Sorted by target; a target has a row for each band, or one for each stamp.
    axes
        All bands, in the order in which each target has them.
    """

    def __init__(self, manifest: pa.Table, axes: Sequence[Axis]) -> None:
        axis = _axis_numbers(manifest, axes)
        target = np.asarray(manifest["target"])
        starts = np.diff(target, prepend=-1) != 0
        has_stamp = np.asarray(manifest["file_loc"].is_valid())
        #: Row of the manifest that each galaxy begins with.
        self.first: NDArray[np.int64] = np.flatnonzero(starts)
        galaxy = np.cumsum(starts) - 1
        self._best = {
            one: self._best_rows(galaxy, axis == number, has_stamp)
            for number, one in enumerate(axes)
        }
        #: Stamps that are not a galaxy's best in their band, and so not exported.
        self.further = len(axis) - sum(int((b >= 0).sum()) for b in self._best.values())

    def _best_rows(
        self,
        galaxy: NDArray[np.int64],
        of_axis: NDArray[np.bool_],
        has_stamp: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Give the first row with a stamp of each galaxy, or else its first row."""
        best = np.full(len(self.first), -1, np.int64)
        for wanted in (of_axis, of_axis & has_stamp):
            # Backwards, so that the first row of each galaxy is the one that stays.
            rows = np.flatnonzero(wanted)[::-1]
            best[galaxy[rows]] = rows
        return best

    def of(self, axis: Axis) -> pa.Array:
        """Give the row of each galaxy in a band, null where it has none."""
        best = self._best[axis]
        return pa.array(best, mask=best < 0)


def galaxy_rows(manifest: pa.Table, axes: Sequence[Axis]) -> GalaxyRows:
    """Find the rows of each galaxy."""
    return GalaxyRows(manifest, axes)


def _axis_numbers(manifest: pa.Table, axes: Sequence[Axis]) -> NDArray[np.int64]:
    names = pc.binary_join_element_wise(manifest["survey"], manifest["band"], "\n")
    known = pa.array([f"{axis.survey}\n{axis.band}" for axis in axes])
    return np.asarray(pc.index_in(names, known)).astype(np.int64)


def to_galaxies(
    manifest: pa.Table,
    rows: GalaxyRows,
    axes: Sequence[Axis],
    *,
    own: Sequence[str],
    labels: Sequence[str],
) -> pa.Table:
    """Give the table of galaxies, in the order of the catalogue.

    Returns
    -------
    Table
        ``object_id`` (distinct), ``id_str`` (as in the catalogue), ``ra``, ``dec``
        (ICRS degrees), ``_healpix_29``, a column ``SURVEY_BAND_NAME`` for each band and
        each of the manifest's own columns that tells of a stamp, and the labels.
    """
    first = manifest.take(pa.array(rows.first))
    ra, dec = np.asarray(first["ra"]), np.asarray(first["dec"])
    columns = {
        "object_id": pa.array(distinct(first["id_str"].to_pylist()), pa.large_string()),
        "id_str": first["id_str"].cast(pa.large_string()),
        "ra": first["ra"],
        "dec": first["dec"],
        "_healpix_29": pa.array(healpix_29(ra, dec)),
    }
    of_band = manifest.select([name for name in own if name not in _NOT_OF_BAND])
    for axis in axes:
        facts = of_band.take(rows.of(axis))
        columns |= {f"{axis.name}_{name}": facts[name] for name in facts.column_names}
    for name in labels:
        # A column of the catalogue may have a name that the export itself uses.
        free = name
        while free in {*columns, "split"}:
            free = f"label_{free}"
        columns[free] = first[name]
    return pa.table(columns)

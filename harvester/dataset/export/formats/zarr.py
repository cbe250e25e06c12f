"""Zarr arrays (version 3, with shards): few files, and any slice of the stamps.

::

    galaxies/          every galaxy: an array for each column
    SURVEY/            the galaxies with stamps: row i belongs to element i of
    SURVEY/flux, ivar, mask, psf    (n, B, ny, nx)

The arrays name their dimensions, so that xarray opens each folder as a data set.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ....models.planes import Plane
from ..contents.plain_columns import to_arrays
from ..contents.plane_columns import beside_planes, plane_facts, row_bytes
from ..kind import ExportFormat, ExportPiece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from ..selection.selection import Selection
    from ..selection.survey_stamps import SurveyStamps

__all__ = ["FORMAT"]

#: Bytes of the stamps in a chunk, which is read whole, and in a shard, which is a file.
_CHUNK, _SHARD = 2**20, 64 * 2**20

#: Rows in a chunk of a column of the table.
_ROWS = 65_536

#: Dimensions of all arrays of stamps.
_AXES = ("object", "band", "y", "x")
_PSF_AXES = ("object", "band", "psf_y", "psf_x")


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the group of all galaxies, and one for each survey."""
    yield ExportPiece("galaxies", partial(_write_galaxies, selection))
    for survey in selection.surveys:
        write = partial(_write_survey, selection, survey)
        yield ExportPiece(survey.name, write, rows=len(survey))


def _loading(selection: Selection) -> str:
    """Open the survey with the most galaxies."""
    name = selection.fullest.name
    return f"import zarr; data = zarr.open_group('DIR/{name}', mode='r')"


FORMAT = ExportFormat(
    name="zarr",
    title="Zarr arrays, version 3",
    extra="zarr",
    modules=("zarr",),
    pieces=_pieces,
    loading=_loading,
)


def _write_galaxies(selection: Selection, path: Path, _root: Path) -> None:
    group = _group(path)
    _add_columns(group, beside_planes(selection.galaxies))


def _write_survey(
    selection: Selection, survey: SurveyStamps, path: Path, _root: Path
) -> None:
    group = _group(path, bands=list(survey.bands))
    _add_columns(group, beside_planes(selection.of_survey(survey)))
    each = row_bytes(survey)
    chunk = max(1, _CHUNK // each)
    shard = chunk * max(1, _SHARD // (chunk * each))
    arrays = {
        name: _stamps(group, name, survey, empty, chunk, shard)
        for name, empty in survey.read([]).planes().items()
    }
    for places, stamps in survey.batches(shard):
        for name, pixels in stamps.planes().items():
            arrays[name][places] = pixels


def _group(path: Path, **facts: object) -> Any:
    import zarr

    return zarr.create_group(path, attributes=facts)


def _add_columns(group: Any, table: pa.Table) -> None:
    for name, values in to_arrays(table).items():
        kind = str if values.dtype == object else values.dtype
        rows = max(1, min(len(values), _ROWS))
        array = group.create_array(
            name,
            shape=values.shape,
            chunks=(rows,),
            dtype=kind,
            dimension_names=_AXES[:1],
        )
        array[:] = values


def _stamps(
    group: Any,
    name: str,
    survey: SurveyStamps,
    empty: NDArray[Any],
    chunk: int,
    shard: int,
) -> Any:
    """Make an array without stamps as yet."""
    from zarr.codecs import BloscCodec

    each = empty.shape[1:]
    packing = BloscCodec(
        cname="zstd", clevel=3, shuffle="shuffle", typesize=empty.dtype.itemsize
    )
    return group.create_array(
        name,
        shape=(len(survey), *each),
        chunks=(chunk, *each),
        shards=(shard, *each),
        dtype=empty.dtype,
        fill_value=0,
        compressors=[packing],
        dimension_names=_PSF_AXES if name == Plane.PSF else _AXES,
        attributes=plane_facts(name, survey),
    )

"""HDF5 files with the schema and the folders of the Multimodal Universe, version 1.

::

    SURVEY/SET/healpix=N/001-of-001.hdf5    N: nested cell of nside 16
    galaxies.parquet                        every galaxy, also those without a stamp

``SET`` is the name of the split, or ``all``. Each file has the arrays ``image_band``
``(n, B)``, ``image_flux``, ``image_ivar``, ``image_mask`` (true: good) ``(n, B, ny,
nx)``, ``image_psf_fwhm``, ``image_scale`` (arcsec) ``(n, B)``, ``object_id``, ``ra``,
``dec``, ``healpix`` ``(n,)``, and the other columns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from ....models.planes import Bit
from ..contents.plain_columns import to_arrays
from ..contents.sets import by_set
from ..kind import ExportFormat, ExportPiece
from ..selection.healpix import parent_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..selection.selection import Selection
    from ..selection.survey_stamps import StampArrays, SurveyStamps

__all__ = ["FORMAT"]

#: HEALPix order of the folders: nside 16.
_ORDER = 4

#: Columns of the manifest that the schema has as arrays of all bands.
_OF_BANDS = {"image_psf_fwhm": "psf_fwhm", "image_scale": "pixel_scale"}


#: Names that the schema takes; a label of that name gets the prefix ``label_``.
_SCHEMA = {
    *("healpix", "image_band", "image_flux", "image_ivar", "image_mask", "image_psf"),
    *_OF_BANDS,
}


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the table of all galaxies, and a file for each cell of a survey."""
    yield ExportPiece("galaxies.parquet", partial(_write_galaxies, selection))
    for survey in selection.surveys:
        yield from _cells(selection, survey)


def _loading(selection: Selection) -> str:
    """Load the survey with the most galaxies as a Hugging Face data set."""
    first = selection.fullest.name
    return (
        "from datasets import load_dataset; "
        f"data = load_dataset('DIR/{first}', split='train')"
    )


FORMAT = ExportFormat(
    name="hdf5",
    title="HDF5 as in the Multimodal Universe",
    extra="hdf5",
    modules=("h5py",),
    pieces=_pieces,
    loading=_loading,
)


def _write_galaxies(selection: Selection, path: Path, _root: Path) -> None:
    pq.write_table(selection.galaxies, path)


def _cells(selection: Selection, survey: SurveyStamps) -> Iterator[ExportPiece]:
    columns = to_arrays(selection.of_survey(survey))
    cells = parent_cell(columns["_healpix_29"], _ORDER)
    for name, members in by_set(columns.get("split"), len(survey)):
        for cell in np.unique(cells[members]):
            places = members[cells[members] == cell]
            file = f"{survey.name}/{name}/healpix={cell}/001-of-001.hdf5"
            write = partial(_write_cell, survey, columns, places, int(cell))
            yield ExportPiece(file, write, rows=len(places))


def _write_cell(
    survey: SurveyStamps,
    columns: Mapping[str, NDArray[Any]],
    places: NDArray[np.int64],
    cell: int,
    path: Path,
    _root: Path,
) -> None:
    import h5py

    images = _images(survey, columns, places)
    first = survey.read(places[:0])
    with h5py.File(path, "w") as file:
        for name, values in images.items():
            file.create_dataset(name, data=values)
        file.create_dataset("healpix", data=np.full(len(places), cell, np.int64))
        for name, values in columns.items():
            kind = h5py.string_dtype() if values.dtype == object else values.dtype
            # A slash would make a group.
            free = f"label_{name}" if name in _SCHEMA else name.replace("/", "_")
            file.create_dataset(free, data=values[places], dtype=kind)
        arrays = {
            name: file.create_dataset(
                name, (len(places), *empty.shape[1:]), empty.dtype
            )
            for name, empty in _planes(first).items()
        }
        for part, some in survey.batches(places=places):
            for name, pixels in _planes(some).items():
                arrays[name][part] = pixels


def _planes(stamps: StampArrays) -> dict[str, NDArray[Any]]:
    """Give the planes by their names in the schema."""
    mask = (
        np.isfinite(stamps.flux) if stamps.mask is None else stamps.mask & Bit.GOOD > 0
    )
    planes = {"image_flux": stamps.flux, "image_mask": mask}
    others = {"image_ivar": stamps.ivar, "image_psf": stamps.psf}
    return planes | {name: one for name, one in others.items() if one is not None}


def _images(
    survey: SurveyStamps, columns: Mapping[str, NDArray[Any]], places: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Give the arrays ``(n, B)`` of the schema."""
    bands = np.array([band.encode() for band in survey.bands], "S")
    images = {"image_band": np.tile(bands, (len(places), 1))}
    for name, column in _OF_BANDS.items():
        nothing = np.full(len(survey), np.nan)
        of_axes = [
            columns.get(f"{axis.name}_{column}", nothing) for axis in survey.axes
        ]
        images[name] = np.stack(of_axes, axis=1)[places].astype(np.float32)
    return images

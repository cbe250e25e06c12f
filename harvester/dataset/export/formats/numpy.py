"""Plain NumPy arrays, which can be memory-mapped, and tables beside them.

::

    galaxies.parquet            every galaxy
    SURVEY/stamps.parquet       the galaxies with stamps: row i belongs to element i of
    SURVEY/flux.npy             (n, B, ny, nx) float32, little-endian
    SURVEY/mask.npy, ivar.npy, psf.npy, bands.json
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from ..kind import ExportFormat, ExportPiece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..selection.selection import Selection
    from ..selection.survey_stamps import SurveyStamps

__all__ = ["FORMAT"]


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the table of all galaxies, and a folder for each survey."""
    yield ExportPiece("galaxies.parquet", partial(_write_galaxies, selection))
    for survey in selection.surveys:
        write = partial(_write_survey, selection, survey)
        yield ExportPiece(survey.name, write, rows=len(survey))


def _loading(selection: Selection) -> str:
    """Map the fluxes of the survey with the most galaxies into memory."""
    first = selection.fullest.name
    return f"import numpy as np; flux = np.load('DIR/{first}/flux.npy', 'r')"


FORMAT = ExportFormat(
    name="numpy",
    title="NumPy arrays and Parquet tables",
    pieces=_pieces,
    loading=_loading,
)


def _write_galaxies(selection: Selection, path: Path, _root: Path) -> None:
    pq.write_table(selection.galaxies, path)


def _write_survey(
    selection: Selection, survey: SurveyStamps, path: Path, _root: Path
) -> None:
    path.mkdir()
    pq.write_table(selection.of_survey(survey), path / "stamps.parquet")
    (path / "bands.json").write_text(json.dumps(survey.bands) + "\n", "utf-8")
    first = survey.read(slice(0)).planes()
    with ExitStack() as stack:
        files = {}
        for name, empty in first.items():
            file = files[name] = stack.enter_context((path / f"{name}.npy").open("wb"))
            shape = (len(survey), *empty.shape[1:])
            descr = empty.dtype.newbyteorder("<").str
            head = {"descr": descr, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, head)
        for _, arrays in survey.batches():
            for name, pixels in arrays.planes().items():
                little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
                file = files[name]
                file.write(little.tobytes())

"""The shapes of a survey's stamps, from the manifest or from the files' headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from ..stamp_reader import read_stamp
from .survey_stamps import need_one_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from .axes import Axis

__all__ = ["psf_side", "stamp_shape"]


def stamp_shape(
    root: Path,
    survey: str,
    galaxies: pa.Table,
    files: Mapping[Axis, pa.Array],
    axes: Sequence[Axis],
) -> tuple[int, int]:
    """Give the one shape ``(ny, nx)`` of the stamps of a survey.

    Raises
    ------
    InputError
        There are several; the message names shapes and galaxies.
    """
    found = [one for axis in axes for one in _shapes(root, galaxies, axis, files[axis])]
    return need_one_shape(survey, found)


def _shapes(
    root: Path, galaxies: pa.Table, axis: Axis, files: pa.Array
) -> Iterator[tuple[tuple[int, ...], str]]:
    rows = np.flatnonzero(np.asarray(files.is_valid()))
    ids = galaxies["object_id"].take(rows).to_pylist()
    stated = _stated(galaxies, axis, rows)
    names = files.take(rows).to_pylist()
    for name, one, shape in zip(names, ids, stated, strict=True):
        yield shape or read_stamp(root / name).flux.shape, one


def _stated(
    galaxies: pa.Table, axis: Axis, rows: NDArray[np.intp]
) -> list[tuple[int, int] | None]:
    """Give the shapes that the manifest states; None where it does not."""
    names = [f"{axis.name}_ny", f"{axis.name}_nx"]
    if not set(names) <= set(galaxies.column_names):
        return [None] * len(rows)
    height, width = (galaxies[name].take(rows).to_pylist() for name in names)
    return [(y, x) if y and x else None for y, x in zip(height, width, strict=True)]


def psf_side(root: Path, files: Sequence[pa.Array]) -> int:
    """Give the side of the first PSF stamp; 0 if no stamp has one."""
    for names in files:
        for name in pc.drop_null(names).to_pylist():
            psf = read_stamp(root / name).psf
            if psf is not None:
                return int(psf.shape[0])
    return 0

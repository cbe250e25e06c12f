"""The shapes of a survey's stamps, from the manifest or from the files' headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...stamp_reader import read_stamp
from .shape_examples import Examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
    examples = Examples()
    for axis in axes:
        rows = np.flatnonzero(np.asarray(files[axis].is_valid()))
        ids = galaxies["object_id"].take(pa.array(rows))
        shapes = _stated(galaxies, axis, rows)
        unknown = np.flatnonzero((shapes == 0).any(axis=1))
        for place in unknown:
            name = files[axis][int(rows[place])].as_py()
            shapes[place] = read_stamp(root / name).flux.shape
        examples.add(shapes, ids)
    return examples.one_shape(survey)


def _stated(
    galaxies: pa.Table, axis: Axis, rows: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Give the shapes ``(ny, nx)`` that the manifest states; 0 where it does not."""
    shapes = [
        np.asarray(pc.fill_null(galaxies[f"{axis.name}_{side}"], 0))[rows]
        for side in ("ny", "nx")
    ]
    return np.stack(shapes, axis=1).astype(np.int64)


def psf_side(root: Path, files: Sequence[pa.Array]) -> int:
    """Give the side of the first PSF stamp; 0 if no stamp has one."""
    for names in files:
        for name in pc.drop_null(names).to_pylist():
            psf = read_stamp(root / name).psf
            if psf is not None:
                return int(psf.shape[0])
    return 0

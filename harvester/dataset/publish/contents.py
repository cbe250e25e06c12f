"""What is in a file of a data set: identifiers, the sum of its pixels, its labels.

The file on disk and the reloaded one are read in the same way, in pieces, and must give
the same. Formats that no reader here knows are compared by their bytes alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FileContents", "differences", "read_contents"]

#: Rows that are read at a time.
_ROWS = 128

#: Columns that name the galaxy, best first.
_IDS = ("object_id", "id_str")


@dataclass(slots=True)
class FileContents:
    """What was found in a file."""

    #: Rows, or arrays in a file without rows.
    rows: int = 0
    #: SHA-256 of all identifiers, in order; empty without identifiers.
    ids: str = ""
    #: Sum of the finite pixels, by column or array.
    pixels: dict[str, float] = field(default_factory=dict)
    #: SHA-256 of all other columns; empty without.
    labels: str = ""


def read_contents(path: Path) -> FileContents | None:
    """Read a file; None if its format is not known here.

    Raises
    ------
    ValueError, OSError
        The file is damaged.
    """
    reader = _READERS.get(path.suffix)
    return reader(path) if reader else None


def differences(ours: FileContents, theirs: FileContents) -> Iterator[str]:
    """Say how a reloaded file differs from the one on disk."""
    if ours.rows != theirs.rows:
        yield f"{theirs.rows:,} rows instead of {ours.rows:,}"
    if ours.ids != theirs.ids:
        yield "other identifiers"
    for name in sorted({*ours.pixels, *theirs.pixels}):
        mine, other = ours.pixels.get(name), theirs.pixels.get(name)
        if mine != other:
            yield f"the pixels of {name} sum to {other} instead of {mine}"
    if ours.labels != theirs.labels:
        yield "other labels"


def _of_parquet(path: Path) -> FileContents:
    # A damaged file gives an ArrowInvalid, which is a ValueError, or an OSError.
    found, ids, labels = FileContents(), hashlib.sha256(), hashlib.sha256()
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        key = next((name for name in _IDS if name in names), "")
        for batch in file.iter_batches(_ROWS):
            found.rows += batch.num_rows
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                _take(found, ids if name == key else labels, name, column)
    found.ids = ids.hexdigest() if key else ""
    found.labels = labels.hexdigest()
    return found


def _take(found: FileContents, digest: Any, name: str, column: pa.Array) -> None:  # noqa: ANN401 - a hash
    values = _pixels(column)
    if values is None:
        one = pa.record_batch([column], names=[name])
        digest.update(one.serialize())
    else:
        found.pixels[name] = found.pixels.get(name, 0.0) + _sum(values)


def _pixels(column: pa.Array) -> NDArray[np.generic] | None:
    """Give all numbers of a column of arrays; None for other columns."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if not _is_list(column.type):
        return None
    while _is_list(column.type):
        column = column.flatten()
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    if not is_number and not pa.types.is_boolean(column.type):
        return None
    values: NDArray[np.generic] = column.drop_null().to_numpy(zero_copy_only=False)
    return values


def _is_list(kind: pa.DataType) -> bool:
    is_fixed = pa.types.is_fixed_size_list(kind)
    return bool(is_fixed or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _sum(values: NDArray[Any]) -> float:
    return float(np.sum(values, dtype=np.float64, where=np.isfinite(values)))


def _of_numpy(path: Path) -> FileContents:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind not in "fiub":
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return FileContents(rows=len(array), labels=digest)
    parts = (array[row : row + _ROWS] for row in range(0, len(array), _ROWS))
    return FileContents(rows=len(array), pixels={"array": sum(map(_sum, parts))})


def _of_fits(path: Path) -> FileContents:
    from astropy.io import fits

    found = FileContents()
    with fits.open(path) as hdus:
        for place, hdu in enumerate(hdus):
            if hdu.is_image and hdu.data is not None:
                found.rows += 1
                found.pixels[f"HDU {place}"] = _sum(hdu.data)
    return found


def _of_hdf5(path: Path) -> FileContents | None:
    if not find_spec("h5py"):
        return None
    import h5py

    found, labels = FileContents(), hashlib.sha256()
    with h5py.File(path) as file:
        for name, data in sorted(file.items()):
            found.rows = max(found.rows, len(data))
            for row in range(0, len(data), _ROWS):
                part = data[row : row + _ROWS]
                if part.dtype.kind in "fiub" and part.ndim > 1:
                    found.pixels[name] = found.pixels.get(name, 0.0) + _sum(part)
                else:
                    labels.update(f"{name} {part.tolist()}".encode())
    found.labels = labels.hexdigest()
    return found


_READERS: dict[str, Callable[[Path], FileContents | None]] = {
    ".parquet": _of_parquet,
    ".npy": _of_numpy,
    ".fits": _of_fits,
    ".hdf5": _of_hdf5,
}

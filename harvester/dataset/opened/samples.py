"""Samples for training: the stamps of a galaxy as one array, with its labels."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from .band_names import read_bands
from .stamp import HarvestedStamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .galaxies import Galaxies

__all__ = ["StampSamples"]

#: The planes that an item may have, with the type of their pixels.
_PLANES = {"flux": np.float32, "ivar": np.float32, "good": np.bool_, "mask": np.uint8}


class StampSamples:
    """A sequence of arrays with labels: see `Galaxies.samples`.

    It can be pickled, so that workers of a data loader can have it.
    """

    def __init__(
        self,
        galaxies: Galaxies,
        bands: str | Iterable[str | Sequence[str]] | None = None,
        labels: str | Iterable[str] = (),
        *,
        planes: str | Iterable[str] = "flux",
        fill: float | None = None,
    ) -> None:
        #: Survey and band of each plane of the arrays.
        self.bands = read_bands(bands, galaxies.bands)
        kept = galaxies.complete(self.bands)
        if not len(kept):
            named = ", ".join(":".join(band) for band in self.bands)
            msg = f"no galaxy of {galaxies.out} has stamps in all of {named}"
            raise InputError(msg)
        first = [_first_rows(kept, band) for band in self.bands]
        self._out = galaxies.out
        self._planes = _checked_planes(planes)
        self._fill = fill
        self._files = [rows["file_loc"] for rows in first]
        self._ids = first[0]["id_str"]
        #: ``(ny, nx)`` of all stamps; None until the first is read, if no row tells it.
        self.shape = _common_shape(first, self.bands)
        #: For each label that is text: the classes that its numbers stand for.
        self.classes: dict[str, list[str]] = {}
        self._labels = {
            name: self._numbers_of(first[0], name) for name in _listed(labels)
        }

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Give one item.

        Raises
        ------
        InputError
            A stamp is missing, has another shape, or lacks a plane.
        IndexError
            The number is too large.
        """
        place = index(number)
        if not -len(self) <= place < len(self):
            msg = f"there is no item {place}: there are {len(self)}"
            raise IndexError(msg)
        place %= len(self)
        name = self._ids[place].as_py()
        stamps = [
            HarvestedStamp(
                self._out, {"id_str": name, "file_loc": files[place].as_py()}
            )
            for files in self._files
        ]
        item: dict[str, Any] = {"id_str": name}
        item.update((plane, self._stack(stamps, plane)) for plane in self._planes)
        item.update((label, values[place]) for label, values in self._labels.items())
        return item

    def _stack(self, stamps: Sequence[HarvestedStamp], plane: str) -> NDArray[Any]:
        self.shape = self.shape or stamps[0].flux.shape
        stack: NDArray[Any] = np.empty((len(stamps), *self.shape), _PLANES[plane])
        for place, stamp in enumerate(stamps):
            pixels = getattr(stamp, plane)
            if pixels is None:
                msg = f"the stamp {stamp.path} has no plane {plane!r}"
                raise InputError(msg)
            if pixels.shape != self.shape:
                msg = f"the stamp {stamp.path} is {pixels.shape}, others {self.shape}"
                raise InputError(msg)
            stack[place] = pixels
        if plane == "flux" and self._fill is not None:
            stack[~np.isfinite(stack)] = self._fill
        return stack

    def _numbers_of(self, rows: pa.Table, name: str) -> NDArray[Any]:
        if name not in rows.column_names:
            msg = (
                f"there is no label {name!r}; there are {', '.join(rows.column_names)}"
            )
            raise InputError(msg)
        column = rows[name]
        if column.null_count:
            msg = (
                f"{column.null_count} galaxies have no {name!r}. Leave them out with "
                f"where(pyarrow.compute.field({name!r}).is_valid())"
            )
            raise InputError(msg)
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(
            column.type
        ):
            numbers: NDArray[Any] = column.to_numpy()
            return numbers
        self.classes[name] = sorted(column.unique().to_pylist())
        places = pc.index_in(column, pa.array(self.classes[name], column.type))
        classes: NDArray[np.int64] = places.to_numpy().astype(np.int64)
        return classes

    def __repr__(self) -> str:
        bands = ", ".join(":".join(band) for band in self.bands)
        return f"<{len(self)} samples of {bands}, shape {self.shape}>"


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _checked_planes(planes: str | Iterable[str]) -> list[str]:
    names = _listed(planes)
    for name in names:
        if name not in _PLANES:
            msg = f"there is no plane {name!r}; there are {', '.join(_PLANES)}"
            raise InputError(msg)
    return names


def _first_rows(galaxies: Galaxies, band: tuple[str, str]) -> pa.Table:
    """Give the row of the best stamp of each galaxy in a band."""
    survey, name = band
    is_it = (pc.field("survey") == survey) & (pc.field("band") == name)
    rows = galaxies.table.filter(is_it & pc.field("file_loc").is_valid())
    alone = type(galaxies)(galaxies.out, rows)
    return rows.take(pa.array(alone.starts[:-1]))


def _common_shape(
    tables: Sequence[pa.Table], bands: Sequence[tuple[str, str]]
) -> tuple[int, int] | None:
    """Give the one shape of all stamps; None if no row tells it.

    Raises
    ------
    InputError
        There are several; the message names galaxies of each.
    """
    examples: dict[tuple[int, int], str] = {}
    for rows, band in zip(tables, bands, strict=True):
        shapes = rows.select(["ny", "nx", "id_str"]).drop_null()
        firsts = shapes.group_by(["ny", "nx"]).aggregate([("id_str", "min")])
        for one in firsts.to_pylist():
            shape = (one["ny"], one["nx"])
            examples.setdefault(shape, f"{one['id_str_min']} in {':'.join(band)}")
    if len(examples) > 1:
        named = "; ".join(f"{ny} x {nx}: {who}" for (ny, nx), who in examples.items())
        msg = (
            f"the stamps do not all have the same shape ({named}). Choose bands of one "
            "shape, leave out galaxies with where(), or align the bands"
        )
        raise InputError(msg)
    return next(iter(examples), None)

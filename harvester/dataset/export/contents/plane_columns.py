"""The planes of stamps as columns of an Arrow table, beside the facts of galaxies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ....models.planes import Bit, Plane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..selection.survey_stamps import SurveyStamps

__all__ = ["beside_planes", "lists", "plane_facts", "row_bytes", "tensors"]


def beside_planes(table: pa.Table) -> pa.Table:
    """Give a table of galaxies with names and types that leave room for planes.

    A label that is called like a plane gets the prefix ``label_``.
    """
    for place, field in enumerate(table.schema):
        name = f"label_{field.name}" if field.name in frozenset(Plane) else field.name
        column = table.column(place)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        table = table.set_column(place, name, column)
    return table.replace_schema_metadata(None).combine_chunks()


def row_bytes(survey: SurveyStamps) -> int:
    """Give the bytes that all planes of a galaxy have before compression."""
    planes = survey.read([]).planes().values()
    return sum(math.prod(one.shape[1:]) * one.dtype.itemsize for one in planes)


def plane_facts(name: str, survey: SurveyStamps) -> dict[str, Any]:
    """Say what the axes of a plane are, and what the bits of a mask mean."""
    bits = {str(bit.name): bit.value for bit in Bit if name == Plane.MASK}
    return {"axes": ["band", "y", "x"], "bands": list(survey.bands), **bits}


def lists(planes: Mapping[str, NDArray[Any]]) -> dict[str, pa.FixedSizeListArray]:
    """Give planes ``(n, ...)`` as lists of a fixed length."""
    return {name: _lists(plane) for name, plane in planes.items()}


def tensors(planes: Mapping[str, NDArray[Any]]) -> dict[str, pa.Array]:
    """Give planes ``(n, ...)`` as tensors ``(...)``."""
    return {
        name: pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(storage.type.value_type, planes[name].shape[1:]),
            storage,
        )
        for name, storage in lists(planes).items()
    }


def _lists(plane: NDArray[Any]) -> pa.FixedSizeListArray:
    flat = pa.array(np.ascontiguousarray(plane).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, math.prod(plane.shape[1:]))

"""Catalogues that are in memory already: tables of astropy, pandas, Arrow and numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["to_arrow"]

#: The key under which astropy itself keeps units and frames in a Parquet file.
_ASTROPY = "table_meta_yaml"


def to_arrow(catalogue: object) -> pa.Table:
    """Turn a table in memory into an Arrow table, every value as it is.

    Parameters
    ----------
    catalogue
        A table of astropy, a structured array of numpy, a mapping of column names to
        columns, or anything with the Arrow interface, as a data frame of pandas or
        polars. Masked values become nulls. Units and frames of astropy are kept; an
        index of pandas becomes a column if it has a name.

    Raises
    ------
    InputError
        It is no table, or Arrow cannot hold one of its columns exactly.
    """
    try:
        if _is_of_astropy(catalogue):
            return _from_astropy(catalogue)
        return pa.table(_without_nameless_index(catalogue))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        msg = (
            f"a catalogue of type {type(catalogue).__name__} cannot be used: {error}. "
            "Give the path of a file, a table of astropy, pandas or Arrow, or a "
            "mapping of column names to columns."
        )
        raise InputError(msg) from error


def _is_of_astropy(catalogue: object) -> bool:
    if isinstance(catalogue, Mapping):
        # Arrow would take a quantity for a plain array.
        return any(hasattr(column, "unit") for column in catalogue.values())
    dtype = getattr(catalogue, "dtype", None)
    return hasattr(catalogue, "colnames") or bool(getattr(dtype, "names", None))


def _without_nameless_index(catalogue: Any) -> Any:
    index = getattr(catalogue, "index", None)
    if any(getattr(index, "names", ())) or not hasattr(catalogue, "reset_index"):
        return catalogue
    return catalogue.reset_index(drop=True)


def _from_astropy(catalogue: object) -> pa.Table:
    from astropy.table import QTable, Table, meta, serialize
    from astropy.utils.data_info import serialize_context_as

    table = catalogue if isinstance(catalogue, Table) else QTable(catalogue)
    # As ECSV masked values stay masked; as Parquet they would become numbers.
    with serialize_context_as("ecsv"):
        plain: Table = serialize.represent_mixins_as_columns(table)
    arrow = pa.table({name: _column(plain[name]) for name in plain.colnames})
    words = "\n".join(meta.get_yaml_from_table(plain))
    return arrow.replace_schema_metadata({_ASTROPY: words})


def _column(column: Any) -> pa.Array:
    mask = getattr(column, "mask", None)
    values = np.asarray(column)
    if values.ndim > 1:
        return pa.array(column.tolist())
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind in "OU":
        return pa.array(values.tolist(), mask=mask, type=_text(values))
    # Tables that were read from FITS hold their numbers the other way round.
    return pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask)


def _text(values: Any) -> pa.DataType | None:
    return pa.string() if values.dtype.kind == "U" else None

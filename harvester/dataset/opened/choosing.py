"""Choose rows of a data set by survey, status, coverage, or any condition of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["choose"]


def choose(
    table: pa.Table,
    condition: Any = None,  # noqa: ANN401 - an expression or an array of several libraries
    *,
    min_coverage: float | None = None,
    **values: str | Iterable[str] | None,
) -> pa.Table:
    """Give the rows for which everything holds that is given; see `Galaxies.where`.

    Raises
    ------
    InputError
        A value does not occur in its column, a condition has the wrong length, or the
        coverage is not a fraction.
    """
    if condition is not None:
        table = _where(table, condition)
    for name, wanted in values.items():
        if wanted is not None:
            table = table.filter(_is_one_of(table, name, wanted))
    if min_coverage is not None:
        table = table.filter(pc.field("coverage") >= _fraction(min_coverage))
    return table


def _where(table: pa.Table, condition: Any) -> pa.Table:  # noqa: ANN401 - as in `choose`
    if isinstance(condition, pc.Expression):
        try:
            return table.filter(condition)
        except pa.ArrowException as error:
            msg = f"the condition {condition} cannot be applied: {error}"
            raise InputError(msg) from error
    # Null counts as false, as in a condition of Arrow.
    mask = condition if isinstance(condition, pa.ChunkedArray) else pa.array(condition)
    if len(mask) != table.num_rows or not pa.types.is_boolean(mask.type):
        msg = (
            f"the condition has {len(mask)} values of type {mask.type}, but it needs a "
            f"truth value for each of the {table.num_rows} rows of the table"
        )
        raise InputError(msg)
    return table.filter(mask)


def _is_one_of(table: pa.Table, name: str, wanted: str | Iterable[str]) -> pa.Array:
    values = [wanted] if isinstance(wanted, str) else list(wanted)
    known = table[name].unique().to_pylist()
    for value in values:
        if table.num_rows and value not in known:
            listed = ", ".join(sorted(map(str, known)))
            msg = f"no row has the {name} {value!r}; there are {listed}"
            raise InputError(msg)
    return pc.is_in(table[name], pa.array(values, table[name].type))


def _fraction(value: float) -> float:
    if not 0 <= np.float64(value) <= 1:
        msg = f"the least coverage {value!r} is not a number from 0 to 1"
        raise InputError(msg)
    return float(value)

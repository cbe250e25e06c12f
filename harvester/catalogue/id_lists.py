"""Lists of SDSS identifiers without positions: SDSS is asked for the positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..errors import InputError
from . import identifiers
from .id_columns import is_of_spectra, known_ids
from .naming import named
from .positions import Positions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .sheets import Sheet

    #: Returns ICRS degrees for the identifiers that SDSS knows.
    LookUp = Callable[[Sequence[str]], Mapping[str, tuple[float, float]]]

__all__ = ["LookUp", "find_id_list", "looked_up", "sdss_ids"]

#: Fraction of the values that must be SDSS object ids.
_NEARLY_ALL = 0.9


def find_id_list(sheet: Sheet, wanted: str = "") -> str:
    """Return the column of SDSS object ids with which positions can be looked up.

    The result is empty if there is none. A table without a header must have a single
    column: if it had more, they might be positions.
    """
    names = sheet.table.column_names
    if not names or not sheet.table.num_rows:
        return ""
    if wanted:
        names = [named(names, wanted, "id")]
    elif not sheet.has_names and len(names) > 1:
        return ""
    ordered = dict.fromkeys([*known_ids(names), *names])
    return next((name for name in ordered if _is_list(sheet, name)), "")


def _is_list(sheet: Sheet, name: str) -> bool:
    kind = sheet.table.schema.field(name).type
    if pa.types.is_floating(kind) or pa.types.is_nested(kind) or is_of_spectra(name):
        return False
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return False
    column, _ = identifiers.exact(sheet.column(name))
    if identifiers.trouble(column) or identifiers.is_rounded(column):
        return False
    return identifiers.sdss_share(column) >= _NEARLY_ALL


def sdss_ids(sheet: Sheet, name: str) -> tuple[list[int], list[str]]:
    """Return the rows, from 0, that hold SDSS object ids, and the ids."""
    column, _ = identifiers.exact(sheet.column(name))
    rows, numbers = identifiers.sdss_numbers(column)
    return rows.tolist(), [str(number) for number in numbers.tolist()]


def looked_up(sheet: Sheet, name: str, look_up: LookUp | None) -> Positions:
    """Look up the positions of a list of identifiers, each identifier once.

    Raises
    ------
    InputError
        ``look_up`` is None, so positions cannot be looked up.
    """
    rows, ids = sdss_ids(sheet, name)
    if look_up is None:
        msg = (
            f"it has no positions, only SDSS identifiers in column {name}. A run looks "
            "their positions up at SDSS, but this command does not"
        )
        raise InputError(msg)
    known = look_up(list(dict.fromkeys(ids)))
    total = sheet.table.num_rows
    ra, dec = np.full(total, np.nan), np.full(total, np.nan)
    problems = dict.fromkeys(range(total), "no SDSS identifier, and no position")
    for row, each in zip(rows, ids, strict=True):
        problems[row] = "SDSS knows no object with this identifier"
        if each in known:
            ra[row], dec[row] = known[each]
            del problems[row]
    note = (
        f"The table has no positions: those of {len(known)} SDSS identifiers in column "
        f"{name} were looked up at SDSS."
    )
    return Positions(ra, dec, problems, [note])

"""Lists of SDSS identifiers without positions, which SDSS itself knows."""

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

    #: Gives ICRS degrees for those identifiers that SDSS knows.
    LookUp = Callable[[Sequence[str]], Mapping[str, tuple[float, float]]]

__all__ = ["LookUp", "find_id_list", "looked_up", "sdss_ids"]

#: Part of the values that must be SDSS object ids.
_NEARLY_ALL = 0.9


def find_id_list(sheet: Sheet, wanted: str = "") -> str:
    """Give the column of SDSS object ids that positions can be looked up by.

    Empty if there is none. Without a header only a single column is one: in others
    positions may stand that nothing names.
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
    """Give the rows, from 0, that hold SDSS object ids, and these."""
    column, _ = identifiers.exact(sheet.column(name))
    rows, numbers = identifiers.sdss_numbers(column)
    return rows.tolist(), [str(number) for number in numbers.tolist()]


def looked_up(sheet: Sheet, name: str, look_up: LookUp | None) -> Positions:
    """Ask for the positions of a list of identifiers, each once.

    Raises
    ------
    InputError
        There is nothing to ask: ``look_up`` is None.
    """
    rows, ids = sdss_ids(sheet, name)
    if look_up is None:
        msg = (
            f"there are no positions, only SDSS identifiers in column {name}: their "
            "positions have to be looked up at SDSS first, which is not possible here"
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

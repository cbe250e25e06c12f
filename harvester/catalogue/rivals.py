"""Several pairs of columns with equally plain names: whether their positions agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..sky.sphere import unit_vectors
from .positions import read_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .position_columns import PositionColumns
    from .sheets import Sheet

__all__ = ["choose_pair"]

#: Rows that are compared.
_COMPARED = 1000
#: Radian (one arcsec); positions closer than this count as the same.
_SAME = float(np.radians(1 / 3600))


def choose_pair(sheet: Sheet, pairs: Sequence[PositionColumns]) -> PositionColumns:
    """Return the first pair if all pairs hold the same positions.

    Raises
    ------
    InputError
        The positions differ: the user must say which pair to use.
    """
    first, *others = pairs
    place = _vectors(sheet, first)
    for other in others:
        if _differ(place, _vectors(sheet, other)):
            raise InputError(_which(pairs))
    same = ", ".join(f"{each.ra} and {each.dec}" for each in others)
    note = f"Columns {same} hold the same positions (within 1 arcsec)."
    return replace(first, notes=[*first.notes, note])


def _vectors(sheet: Sheet, pair: PositionColumns) -> NDArray[np.float64]:
    ra, dec = (sheet.column(name)[:_COMPARED] for name in (pair.ra, pair.dec))
    units = pair.ra_stated.unit, pair.dec_stated.unit
    places = read_positions(ra, dec, ra_unit=units[0], dec_unit=units[1])
    return unit_vectors(places.ra, places.dec)


def _differ(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    apart = np.linalg.norm(one - other, axis=1)
    return bool(np.any(apart > _SAME))


def _which(pairs: Sequence[PositionColumns]) -> str:
    listed = " or ".join(f"--ra {each.ra!r} --dec {each.dec!r}" for each in pairs)
    return (
        "several pairs of columns can be the positions, and they differ by more than "
        f"1 arcsec. Say which pair to use: {listed}"
    )

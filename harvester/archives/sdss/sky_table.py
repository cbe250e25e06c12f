"""Reads the sky that was subtracted from an SDSS frame: HDU 2, a table of one row.

It is read by hand: for a damaged header astropy raises nearly any exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["read_sky_table"]

#: Number of values in a column, and their type.
_FORM = re.compile(r"(\d{0,9})([LXBIJKAEDCMPQ]).*")

#: Columns and rows of an array in a column.
_SHAPE = re.compile(r"\( *(\d{1,9}) *, *(\d{1,9}) *\)")

#: Bits of a value of each type (FITS standard 4.0, table 18).
_BITS = dict(
    zip(
        "LXBIJKAEDCMPQ", (8, 1, 8, 16, 32, 64, 8, 32, 64, 64, 128, 64, 128), strict=True
    )
)

#: Most columns of a table in the standard.
_MOST = 999


def read_sky_table(
    values: Mapping[str, str], content: bytes
) -> tuple[NDArray[np.float32], ...] | None:
    """Read ``ALLSKY`` ``(ny, nx)``, ``XINTERP`` and ``YINTERP`` of the first row.

    None if the table has no such columns, or if they do not tell where the sky lies.

    Parameters
    ----------
    values
        The cards of its header, as text without quotes.
    content
        Its data.
    """
    columns = _float_columns(values, content)
    try:
        (number, sky), (_, across), (_, along) = (
            columns[name] for name in ("ALLSKY", "XINTERP", "YINTERP")
        )
    except KeyError:
        return None
    shape = _SHAPE.fullmatch(values.get(f"TDIM{number}", "").strip())
    nx, ny = map(int, shape.groups()) if shape else (0, 0)
    is_placed = bool(np.isfinite(across).all() and np.isfinite(along).all())
    if not sky.size or nx * ny != sky.size or not is_placed:
        return None
    return sky.reshape(ny, nx), across, along


def _float_columns(
    values: Mapping[str, str], content: bytes
) -> dict[str, tuple[int, NDArray[np.float32]]]:
    """Read the columns of 32-bit floats by name, each with its number."""
    found: dict[str, tuple[int, NDArray[np.float32]]] = {}
    offset = 0
    for number in range(1, _MOST + 1):
        form = _FORM.fullmatch(values.get(f"TFORM{number}", "").strip())
        if form is None:
            break
        count = int(form[1] or 1)
        size = -(-count * _BITS[form[2]] // 8)
        if form[2] == "E" and offset + size <= len(content):
            name = values.get(f"TTYPE{number}", "").strip().upper()
            column = np.frombuffer(content, ">f4", count, offset)
            found[name] = number, column.astype(np.float32)
        offset += size
    return found

"""Binary tables with the cards that IDL's MWRFITS writes, as SDSS frames have them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .hdus import ORIGIN, header_of, padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["survey_table"]

#: NumPy's kind and size of a number -> the letter of FITS.
_LETTERS = {"f4": "E", "f8": "D", "i4": "J", "S": "A"}


def survey_table(row: NDArray[np.void]) -> bytes:
    """Make a table of one row, whose columns are the fields of ``row``."""
    types = {name: row.dtype[name] for name in row.dtype.names or ()}
    shapes = {place: dtype.shape for place, dtype in enumerate(types.values(), 1)}
    lines = [
        "XTENSION= 'BINTABLE'           / table",
        f"BITPIX  = {8:>20} / bytes",
        f"NAXIS   = {2:>20} / rows of bytes",
        f"NAXIS1  = {row.dtype.itemsize:>20} / bytes of a row",
        f"NAXIS2  = {len(row):>20} / rows",
        f"PCOUNT  = {0:>20} / no heap",
        f"GCOUNT  = {1:>20} / one table",
        f"TFIELDS = {len(types):>20} / columns",
        *_section("End of mandatory fields", "", {}),
        *_section("Column names", "TTYPE", dict(enumerate(types, 1))),
        *_section(
            "Column formats", "TFORM", dict(enumerate(_forms(types.values()), 1))
        ),
    ]
    if dims := {
        place: _dim(shape) for place, shape in shapes.items() if len(shape) > 1
    }:
        lines += _section("Column dimensions (2 D or greater)", "TDIM", dims)
    lines.append(f"ORIGIN  = '{ORIGIN[0]}' / {ORIGIN[1]}")
    return header_of("\n".join(lines)) + padded(row)


def _section(title: str, keyword: str, values: dict[int, str]) -> Iterator[str]:
    yield from ("COMMENT", f"COMMENT  *** {title} ***", "COMMENT")
    for place, value in values.items():
        name, text = f"{keyword}{place}", f"'{value:<8}'"
        yield f"{name:<8}= {text:<20} /"


def _forms(types: Iterable[np.dtype[np.generic]]) -> Iterator[str]:
    for dtype in types:
        kind, size = dtype.base.kind, dtype.base.itemsize
        count = size if kind == "S" else math.prod(dtype.shape)
        letter = _LETTERS[kind if kind == "S" else f"{kind}{size}"]
        yield f"{count if count > 1 else ''}{letter}"


def _dim(shape: tuple[int, ...]) -> str:
    return "(" + ",".join(f"{side:>4}" for side in reversed(shape)) + ")"

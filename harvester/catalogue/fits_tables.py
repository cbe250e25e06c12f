"""The tables of a FITS file; common mistakes in their headers are corrected."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from ..errors import InputError
from .arrays import from_astropy
from .sheets import unique_names
from .stated_frames import frame_in_keywords

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheets import Sheet

__all__ = ["read_fits"]

#: Tables that are not catalogues: SExtractor stores the header of its image in one.
_NO_CATALOGUES = {"LDAC_IMHEAD"}


def read_fits(file: BinaryIO) -> list[Sheet]:
    """Read every table of the file; skip its images, also compressed ones.

    Raises
    ------
    InputError
        The file has no table.
    """
    with fits.open(file, memmap=True) as hdus:
        tables = [
            hdu
            for hdu in hdus
            if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))
            and hdu.name.strip() not in _NO_CATALOGUES
            and hdu.header["TFIELDS"]
        ]
        if not tables:
            msg = "it holds no table, only images, or it ends before its table"
            raise InputError(msg)
        return [_sheet(hdu, hdus[0]) for hdu in tables]


def _sheet(hdu: Any, primary: Any) -> Sheet:
    renamed = _mend(hdu.header)
    gaps = _gaps(hdu)
    table = Table.read(hdu)
    for name, gap in gaps.items():
        table[name] = MaskedColumn(table[name], mask=gap)
    units = {
        name: str(hdu.header[f"TUNIT{place}"]).strip()
        for place, name in enumerate(hdu.columns.names, 1)
        if str(hdu.header.get(f"TUNIT{place}", "")).strip()
    }
    sheet = from_astropy(table, units)
    kind = "binary" if isinstance(hdu, fits.BinTableHDU) else "ASCII"
    return replace(
        sheet,
        frame=frame_in_keywords(_keywords(hdu.header)) or _frame_of_file(primary),
        format=f"FITS {kind} table",
        name=hdu.name.strip(),
        notes=[*sheet.notes, *renamed],
    )


def _gaps(hdu: Any) -> dict[str, Any]:
    """Return a mask for each column with missing values that astropy does not mask.

    Astropy ignores TNULL of an ASCII table, and compares TNULL of a scaled column with
    the scaled values instead of the stored ones.
    """
    raw = hdu.data.view(np.ndarray)
    found = {}
    for column in hdu.data.columns:
        if isinstance(column.null, str):
            gap = column.null.strip().encode()
            found[column.name] = np.strings.strip(raw[column.name]) == gap
            hdu.data[column.name]  # astropy converts it now, while it knows TNULL
            column.null = None
        elif column.null is not None and _is_scaled(column):
            found[column.name] = np.array(raw[column.name] == column.null)
            column.null = None
    return found


def _is_scaled(column: fits.Column) -> bool:
    # The values of a variable-length column are not stored in the rows.
    is_any_length = re.search("[PQ]", str(column.format))
    return (column.bscale, column.bzero) != (None, None) and not is_any_length


def _frame_of_file(primary: Any) -> Any:
    # If the primary HDU has an image, its keywords describe that image.
    return (
        frame_in_keywords(_keywords(primary.header)) if primary.data is None else None
    )


def _keywords(header: fits.Header) -> dict[str, object]:
    return {card.keyword: card.value for card in header.cards if card.keyword}


def _mend(header: fits.Header) -> Iterable[str]:
    """Correct a header that astropy would misread; return notes for the user."""
    places = range(1, header["TFIELDS"] + 1)
    for place in places:
        if _is_of_one(header, place):
            del header[f"TDIM{place}"]
        # Unsigned integers are signed ones with an offset. Astropy cannot add one
        # that is written as 2147483648.0.
        zero = header.get(f"TZERO{place}")
        if isinstance(zero, float) and zero.is_integer():
            header[f"TZERO{place}"] = int(zero)
    own = [str(header.get(f"TTYPE{place}", "")).strip() for place in places]
    notes = []
    for place, (old, new) in enumerate(zip(own, unique_names(own), strict=True), 1):
        if old != new:
            header[f"TTYPE{place}"] = new
        if old and old != new:
            notes.append(
                f"Several columns are named {old}: column {place} is read as {new}."
            )
    return notes


def _is_of_one(header: fits.Header, place: int) -> bool:
    """Return whether TDIM declares a single value to be a vector of length one.

    The first axis of a text column is its width: with ``(1)``, which some writers give
    to every column, astropy would keep only the first letter.
    """
    sizes = [int(each) for each in re.findall(r"\d+", str(header.get(f"TDIM{place}")))]
    is_text = "A" in str(header.get(f"TFORM{place}", "")).upper()
    return bool(sizes) and math.prod(sizes[1:] if is_text else sizes) == 1

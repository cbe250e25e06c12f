"""Texts to tables: known formats are recognised first, then delimited tables."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from .delimited import read_rows
from .fixed_width import find_byte_by_byte, find_ipac
from .foreign import check_lines
from .layouts import find_layout
from .lines import encoding_of, lines_of
from .listings import find_listing
from .marked import find_sextractor, find_types_row
from .sheets import Sheet
from .vizier import find_vizier, with_stated_frames

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from .layouts import Layout

__all__ = ["read_text"]

#: Lines at the beginning that are searched for the marks of a format.
_BEGINNING = 2000
#: Functions that recognise a format by its marks, in the order in which they are tried.
_FORMS = (
    find_byte_by_byte,
    find_ipac,
    find_sextractor,
    find_types_row,
    find_listing,
)


def read_text(
    file: BinaryIO,
    *,
    exact: Collection[str] = (),
    scratch: Path | None = None,
    separator: str | None = None,
    by_number: bool = False,
) -> list[Sheet]:
    """Read the tables of a text.

    Parameters
    ----------
    exact
        Columns that stay text, also if they hold numbers.
    scratch
        Folder for temporary files.
    separator
        The separator that the user names, empty for blanks; None to find it.
    by_number
        Whether the user names columns by number; a header that does not fit the rows
        is then ignored.

    Raises
    ------
    InputError
        The text is not a table, or its header does not fit its rows.
    """
    encoding, notes = encoding_of(file)
    beginning = list(itertools.islice(lines_of(file, encoding), _BEGINNING))
    check_lines(beginning)
    layouts = _layouts(file, encoding, beginning, separator, by_number=by_number)
    if not layouts:
        return [Sheet(pa.table({}), np.arange(0), notes=notes)]
    sheets = [
        read_rows(lines_of(file, encoding), layout, exact=exact, scratch=scratch)
        for layout in layouts
    ]
    return [replace(sheet, notes=[*notes, *sheet.notes]) for sheet in sheets]


def _layouts(
    file: BinaryIO,
    encoding: str,
    beginning: list[str],
    separator: str | None,
    *,
    by_number: bool,
) -> list[Layout]:
    if separator is None:
        found = find_vizier(beginning, lines_of(file, encoding))
        if found:
            return found
        for find in _FORMS:
            layout = find(beginning)
            if layout:
                return [with_stated_frames(layout, beginning)]
    lines = lines_of(file, encoding)
    layout = find_layout(lines, separator=separator, by_number=by_number)
    return [with_stated_frames(layout, beginning)] if layout else []

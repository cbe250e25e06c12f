"""ECSV files, with their units, frames and missing values."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from ..importing import IMPORTING
from .arrays import from_astropy

if TYPE_CHECKING:
    from astropy.table import Table

    from .sheets import Sheet

__all__ = ["is_ecsv", "read_ecsv"]

_MARK = re.compile(r"# %ECSV")
_FAILED = re.compile(r"column '(.*)' failed to convert")
#: Words that mean "no value" in a column of numbers.
_GAPS = ("null", "NULL", "NA", "N/A", "None", "--")


def is_ecsv(text: str) -> bool:
    """Return whether the first line marks the text as ECSV."""
    return bool(_MARK.match(text))


def read_ecsv(file: BinaryIO, encoding: str) -> list[Sheet]:
    """Read the table of an ECSV file; the list has one item."""
    lines = file.read().decode(encoding).splitlines()
    return [replace(from_astropy(_read(lines)), format="ECSV")]


def _read(lines: list[str]) -> Table:
    """Read the lines; accept words for "no value" in columns that fail otherwise."""
    with IMPORTING:
        from astropy.table import Table
    with_gaps: list[str] = []
    while True:
        gaps = [(word, "0", name) for name in with_gaps for word in _GAPS]
        try:
            return Table.read(
                lines, format="ascii.ecsv", fill_values=[("", "0"), *gaps]
            )
        except ValueError as error:
            failed = _FAILED.search(str(error))
            if not failed or failed[1] in with_gaps:
                raise
            with_gaps.append(failed[1])

"""ECSV, with its units, its frames and its gaps."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from astropy.table import Table

from .arrays import from_astropy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheets import Sheet

__all__ = ["is_ecsv", "read_ecsv"]

_MARK = re.compile(r"# %ECSV")
#: Words that stand for no value where a number is due.
_GAPS = ("null", "NULL", "NA", "N/A", "None", "--")


def is_ecsv(text: str) -> bool:
    """Tell ECSV by its first line."""
    return bool(_MARK.match(text))


def read_ecsv(file: BinaryIO, encoding: str) -> list[Sheet]:
    """Read the one table of an ECSV file."""
    lines = file.read().decode(encoding).splitlines()
    return [replace(from_astropy(_read(lines)), format="ECSV")]


def _read(lines: list[str]) -> Table:
    try:
        return Table.read(lines, format="ascii.ecsv")
    except ValueError as error:
        if "failed to convert" not in str(error):
            raise
    return Table.read(_without_gaps(lines), format="ascii.ecsv")


def _without_gaps(lines: Iterable[str]) -> list[str]:
    """Empty the fields that hold a word for no value; a name may be such a word."""
    words = "|".join(map(re.escape, _GAPS))
    gap = re.compile(rf"(?<![^ ,])(?:{words})(?![^ ,])")
    return [line if line.startswith("#") else gap.sub('""', line) for line in lines]

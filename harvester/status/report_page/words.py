"""Numbers and times of the report as text."""

from __future__ import annotations

from datetime import UTC, datetime

from ...events import counted

__all__ = ["amount", "bytes_words", "first_of_all", "moment", "with_unit"]

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float) -> str:
    """Write a number with three digits: ``1.23 k``."""
    for size, prefix in _PREFIXES:
        if value >= size:
            return f"{float(f'{value / size:.3g}'):g} {prefix}"
    return f"{float(f'{value:.3g}'):g}"


def with_unit(value: float, unit: str) -> str:
    """Write a number with its unit: ``3/min``, ``1.23 kB/s``, ``0.5 s``."""
    text = amount(value)
    is_joined = text[-1] in "kMG" or unit.startswith("/")
    return f"{text}{unit}" if is_joined else f"{text} {unit}"


def bytes_words(size: float) -> str:
    """Write a number of bytes: ``40.9 MB``."""
    return with_unit(size, "B")


def moment(at: float) -> str:
    """Write a time (Unix seconds) in UTC, to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def first_of_all(shown: int, total: int, noun: str, plural: str = "") -> str:
    """Say that only the first ones are shown; empty if all are."""
    if shown >= total:
        return ""
    return f"The first {shown:,} of {counted(total, noun, plural)} are shown."

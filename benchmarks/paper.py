"""Output that is printed and kept, and summaries of several rounds in one cell."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Paper:
    """Prints lines, and keeps them."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, line: str = "") -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.text += f"{line}\n"

    def table(self, head: str, rows: Iterable[Iterable[object]]) -> None:
        """Print a table; the head has the names of the columns between bars."""
        columns = head.split("|")
        for cells in [columns, ["---"] * len(columns), *rows]:
            self.say(f"| {' | '.join(str(cell).strip() for cell in cells)} |")
        self.say()


def ratios(theirs: list[float], ours: list[float]) -> str:
    """Compare round by round: give the median, and our best."""
    each = [a / b for a, b in zip(theirs, ours, strict=True)]
    return f"{median(each):.2f} ({max(each):.2f})"


def spread(values: list[float], digits: int = 1) -> str:
    """Give the median and the range."""
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

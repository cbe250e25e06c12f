"""What is printed and kept, and how many rounds become one cell."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Paper:
    """What is printed, line by line, and kept."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, line: str = "") -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.text += f"{line}\n"

    def table(self, head: str, rows: Iterable[Iterable[object]]) -> None:
        """Print a table; the head names the columns between bars."""
        columns = head.split("|")
        for cells in [columns, ["---"] * len(columns), *rows]:
            self.say(f"| {' | '.join(str(cell).strip() for cell in cells)} |")
        self.say()


def ratios(theirs: list[float], ours: list[float]) -> str:
    """Compare round by round: the median, and the best for us."""
    each = [a / b for a, b in zip(theirs, ours, strict=True)]
    return f"{median(each):.2f} ({max(each):.2f})"


def spread(values: list[float], digits: int = 1) -> str:
    """Give the median and the range."""
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

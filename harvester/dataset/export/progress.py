"""Shows how far an export is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from ...status.console import print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["shown_pieces"]

#: Seconds between two plain lines.
_LINE_EVERY_S = 10.0


@contextmanager
def shown_pieces(
    rows: int, parts: int, *, quiet: bool = False, what: str = "rows"
) -> Iterator[Callable[[int], None]]:
    """Give a function to call after each piece, with the number of its rows.

    With ``quiet`` the lines go to standard error, as for ``--json``; ``what`` names
    the rows.
    """
    stream = sys.stderr if quiet else sys.stdout
    if stream.isatty():
        with _bar(rows, parts, what) as advance:
            yield advance
    else:
        yield _ExportLines(rows, parts, stream, what).advance


@contextmanager
def _bar(rows: int, parts: int, what: str) -> Iterator[Callable[[int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(what, total=rows, words="")
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += 1
            words = f"{done} of {parts} parts"
            progress.update(task, advance=more, words=words)

        yield advance


class _ExportLines:
    """Prints a line every ten seconds."""

    def __init__(self, rows: int, parts: int, stream: TextIO, what: str) -> None:
        self._rows, self._parts, self._stream = rows, parts, stream
        self._what = what
        self._done = [0, 0]
        self._printed_at = time.monotonic()

    def advance(self, more: int) -> None:
        """Count one piece with ``more`` rows."""
        self._done[0] += more
        self._done[1] += 1
        if time.monotonic() - self._printed_at > _LINE_EVERY_S:
            print_line(
                f"{self._done[0]:,} of {self._rows:,} {self._what}, "
                f"{self._done[1]:,} of {self._parts:,} parts",
                self._stream,
            )
            self._printed_at = time.monotonic()

"""Shows the progress of a harvest: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from ..events import Moved, Note, Stamped
from ..states import SETTLED, State
from .console import print_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from ..events import Event, Listener
    from .report import Report

__all__ = ["shown_progress"]

#: Seconds between two plain lines, so that the log of a long run stays short.
_LINE_EVERY_S = 10.0


@contextmanager
def shown_progress(report: Report | None, *, quiet: bool = False) -> Iterator[Listener]:
    """Show the progress, starting from the numbers of a report.

    With ``quiet`` the lines go to standard error, as for ``--json``.
    """
    stream = sys.stderr if quiet else sys.stdout
    if report is not None and stream.isatty():
        with _bars(report) as listener:
            yield listener
    else:
        yield _Lines(report, stream).listener


class _Lines:
    """Prints notes, and every ten seconds one line with the progress."""

    def __init__(self, report: Report | None, stream: TextIO) -> None:
        self._stream = stream
        self._counts = _counts(report)
        self._stamps = report["cutouts"] if report else 0
        self._printed_at = time.monotonic()

    def listener(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Note(text):
                self._say(text)
            case Moved(archive, state, jobs):
                _move(self._counts[archive], state, jobs)
            case Stamped(_, _, stamps):
                self._stamps += stamps
        if time.monotonic() - self._printed_at > _LINE_EVERY_S:
            self._say(self._progress())

    def _say(self, text: str) -> None:
        print_line(text, self._stream)
        self._printed_at = time.monotonic()

    def _progress(self) -> str:
        parts = [
            f"{archive}: {_settled(counts)}/{counts.total()} settled"
            for archive, counts in self._counts.items()
        ]
        return f"{'; '.join(parts)}; {self._stamps} stamps"


@contextmanager
def _bars(report: Report) -> Iterator[Listener]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description:5}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress:
        yield _Bars(report, progress).listener


class _Bars:
    """One bar for each archive."""

    def __init__(self, report: Report, progress: Progress) -> None:
        self._progress = progress
        self._counts = _counts(report)
        self._bars: dict[str, TaskID] = {
            archive: progress.add_task(archive, total=counts.total(), words="")
            for archive, counts in self._counts.items()
        }
        for archive in self._bars:
            self._show(archive)

    def listener(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Note(text):
                self._progress.console.print(text, markup=False, highlight=False)
            case Moved(archive, state, jobs):
                _move(self._counts[archive], state, jobs)
                self._show(archive)
            case Stamped():
                pass

    def _show(self, archive: str) -> None:
        counts = self._counts[archive]
        words = ", ".join(
            f"{counts[state]} {state.replace('_', ' ')}"
            for state in (State.DONE, State.NO_COVERAGE, State.FAILED)
            if counts[state]
        )
        self._progress.update(
            self._bars[archive], completed=_settled(counts), words=words
        )


def _counts(report: Report | None) -> dict[str, Counter[State]]:
    surveys = report["surveys"] if report else {}
    return {
        archive: Counter({State(state): jobs for state, jobs in counts.items()})
        for archive, counts in surveys.items()
    }


def _move(counts: Counter[State], state: State, jobs: int) -> None:
    # An event has only the new state of the jobs. The old one is the usual one, or the
    # other one if too few jobs are in that.
    source = State.PENDING if state in _FROM_PENDING else State.LOCATED
    if counts[source] < jobs:
        source = State.LOCATED if source is State.PENDING else State.PENDING
    counts[source] -= jobs
    counts[state] += jobs


_FROM_PENDING = frozenset({State.LOCATED, State.NO_COVERAGE})


def _settled(counts: Counter[State]) -> int:
    return sum(counts[state] for state in SETTLED)

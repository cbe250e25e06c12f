"""Shows the progress of a harvest: bars on a terminal, and the log."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..events import Moved
from ..states import SETTLED, State
from .console import print_line
from .log import opened_log
from .log_options import LogOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from ..events import Event, Listener
    from .report import Report

__all__ = ["shown_progress"]


@contextmanager
def shown_progress(
    report: Report | None,
    *,
    quiet: bool = False,
    log: LogOptions | None = None,
    takes_modules: bool = False,
    first: list[Event] | None = None,
) -> Iterator[Listener]:
    """Show bars on a terminal, starting from the numbers of a report; write the log.

    With ``quiet`` the lines go to standard error, as for ``--json``.
    ``takes_modules`` as in `opened_log`. ``first``: events of before the log was open;
    those that were logged are taken out.
    """
    log = log or LogOptions()
    stream = sys.stderr if quiet else sys.stdout
    has_bars = report is not None and log.format == "console" and stream.isatty()
    with ExitStack() as stack:
        say: Callable[[str], None] = partial(print_line, stream=stream)
        bars: _Bars | None = None
        if report is not None and has_bars:
            bars = stack.enter_context(_bars(report))
            say = bars.say
        logged = opened_log(log, say, takes_modules=takes_modules)
        write = stack.enter_context(logged)

        def listen(event: Event) -> None:
            write(event)
            if bars and isinstance(event, Moved):
                bars.move(event)

        while first:
            listen(first.pop(0))
        yield listen


@contextmanager
def _bars(report: Report) -> Iterator[_Bars]:
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
        yield _Bars(report, progress)


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

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False)

    def move(self, event: Moved) -> None:
        """Count jobs in their new state."""
        _move(self._counts[event.archive], event)
        self._show(event.archive)

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


def _move(counts: Counter[State], event: Moved) -> None:
    counts[event.source or _usual_source(counts, event)] -= event.jobs
    counts[event.state] += event.jobs


def _usual_source(counts: Counter[State], event: Moved) -> State:
    """Guess the old state: the usual one, or the other if too few jobs are in that."""
    source = State.PENDING if event.state in _FROM_PENDING else State.LOCATED
    if counts[source] < event.jobs:
        return State.LOCATED if source is State.PENDING else State.PENDING
    return source


_FROM_PENDING = frozenset({State.LOCATED, State.NO_COVERAGE})


def _settled(counts: Counter[State]) -> int:
    return sum(counts[state] for state in SETTLED)

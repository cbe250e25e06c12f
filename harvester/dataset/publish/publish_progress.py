"""Shows the progress of sending and reload: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...status.console import print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .remote import SentFile

__all__ = ["PublishProgress"]

#: Seconds between two plain lines.
_LINE_EVERY_S = 10.0


class PublishProgress:
    """Tells the user what happens.

    Parameters
    ----------
    quiet
        Print to standard error, as for ``--json``.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print a sentence."""
        print_line(text, err=self._quiet)

    @contextmanager
    def step(
        self, verb: str, files: Sequence[SentFile]
    ) -> Iterator[Callable[[SentFile], None]]:
        """Give a function to call after each file of a step, such as ``sent``."""
        stream = sys.stderr if self._quiet else sys.stdout
        if stream.isatty():
            with self._bar(verb, files) as advance:
                yield advance
        else:
            yield self._lines(verb, files)

    def _lines(
        self, verb: str, files: Sequence[SentFile]
    ) -> Callable[[SentFile], None]:
        count = size = 0
        total = sum(file.size for file in files)
        printed_at = time.monotonic()

        def advance(file: SentFile) -> None:
            nonlocal count, size, printed_at
            count, size = count + 1, size + file.size
            if time.monotonic() - printed_at > _LINE_EVERY_S:
                self.say(
                    f"{verb}: {count:,} of {len(files):,} files, "
                    f"{size / 1e6:,.1f} of {total / 1e6:,.1f} MB"
                )
                printed_at = time.monotonic()

        return advance

    @contextmanager
    def _bar(
        self, verb: str, files: Sequence[SentFile]
    ) -> Iterator[Callable[[SentFile], None]]:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as progress:
            task = progress.add_task(verb, total=sum(file.size for file in files))
            yield lambda file: progress.update(task, advance=file.size)

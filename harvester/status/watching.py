"""``harvester status --watch``: redrawn on a terminal, lines in a pipe."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from .report import read_report, unsettled
from .report_words import one_line, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..places import Places

__all__ = ["watch_run"]


def watch_run(
    places: Places,
    *,
    as_json: bool,
    every_s: float,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Print the state of a run until it is settled and no harvest works on it.

    On a terminal the whole text is drawn again; in a pipe each time is one line, with
    ``as_json`` one JSON object.
    """
    is_terminal = sys.stdout.isatty() and not as_json
    while True:
        report = read_report(places)
        if is_terminal:
            click.clear()
        if as_json:
            click.echo(json.dumps(report))
        else:
            click.echo(words(report) if is_terminal else one_line(report))
        if not unsettled(report) and report["pace"] is None:
            return
        sleep(every_s)

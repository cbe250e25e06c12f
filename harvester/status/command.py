"""The commands ``status`` and ``health``, and the options of the log."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..places import Places
from .log_options import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["health", "log_options", "status"]

_folder = click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=click.Path(path_type=Path)
)

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the log to a command that harvests."""
    for option in reversed(_LOG_OPTIONS):
        command = option(command)
    return command


_LOG_OPTIONS = (
    click.option(
        "--log-format",
        envvar="HARVESTER_LOG_FORMAT",
        type=click.Choice(FORMATS),
        default="console",
        show_default=True,
        help="Form of the log.",
    ),
    click.option(
        "--log-file",
        envvar="HARVESTER_LOG_FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the log to this file too. It is renamed at 10 MB; the last five "
        "are kept.",
    ),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Log more: what modules say; -vv: every job.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Log warnings only."),
)


@click.command()
@_folder
@_json
@click.option(
    "--watch",
    is_flag=True,
    help="Print it again and again, until nothing is left to do or Ctrl-C.",
)
@click.option(
    "--every",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Seconds between two times, with --watch.",
)
@click.option(
    "--metrics",
    metavar="FILE.prom",
    help="Write metrics for the textfile collector of node-exporter to this file, and "
    "print nothing; - prints them.",
)
def status(
    folder: Path, *, as_json: bool, watch: bool, every: float, metrics: str | None
) -> None:
    """Print the progress of a run.

    This also works while a harvest is running: it tells how fast it is, when it will be
    done, and what limits it.
    """
    from .report import read_report
    from .report_words import words
    from .watching import watch_run

    places = Places(folder)
    if metrics is not None:
        _tell_metrics(places, metrics, is_alone=not (as_json or watch))
        return
    if watch:
        watch_run(places, as_json=as_json, every_s=every)
        return
    report = read_report(places)
    click.echo(json.dumps(report) if as_json else words(report))


def _tell_metrics(places: Places, metrics: str, *, is_alone: bool) -> None:
    from .metrics.of_status import tell_metrics

    if not is_alone:
        msg = "--metrics goes with neither --json nor --watch"
        raise click.UsageError(msg)
    tell_metrics(places, metrics)


@click.command()
@_folder
@_json
@click.option(
    "--stalled-after",
    "stalled_min",
    default=15.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Minutes without any movement after which a harvest is not healthy.",
)
def health(folder: Path, *, as_json: bool, stalled_min: float) -> None:
    """Tell whether a harvest does what it should.

    Exit code 0: it works, it waits for a good reason (a cool-down, quiet hours, an
    outage that is being probed), or nothing is left to do. Exit code 5: it is dead,
    hangs, or has not moved for too long. For the health check of a container.
    """
    from .health import read_health

    found = read_health(Places(folder), 60 * stalled_min, time.time())
    click.echo(json.dumps(found.to_json()) if as_json else found.words)
    sys.exit(0 if found.is_healthy else 5)

"""What ``harvester status --metrics`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..report import read_report
from .exposition import metrics_of, write_textfile
from .run_reading import read_run

if TYPE_CHECKING:
    from ...places import Places

__all__ = ["tell_metrics"]


def tell_metrics(places: Places, file: str) -> None:
    """Write the metrics of a run to a file; ``-`` prints them.

    They are written even if the run cannot be read, because they say so.

    Raises
    ------
    HarvesterError
        The run cannot be read, or the file cannot be written.
    """
    run = read_run(places.out.absolute().name, places)
    if file == "-":
        click.echo(metrics_of([run]).decode(), nl=False)
    else:
        write_textfile(Path(file), run)
    if run.report is None and run.state != "preparing":
        # A wrong folder must not pass unnoticed.
        read_report(places)

"""The command ``harvester report``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ...places import Places

__all__ = ["report"]


@click.command()
@click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the report is written; by default report.html in FOLDER.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def report(folder: Path, file: Path | None, *, as_json: bool) -> None:
    """Write one HTML file about a run: what was asked, what came, what failed.

    The run may be at work, stopped or finished; nothing is changed in it. The file
    needs nothing else, so that it can be sent by mail or kept beside the data set.
    """
    from ...status.report_page.document import write_report
    from .chosen_settings import chosen_settings

    places = Places(folder)
    target = file or folder / places.report.name
    size = write_report(places, target, chosen_settings(places))
    told = {"file": str(target), "bytes": size}
    click.echo(json.dumps(told) if as_json else f"{target}: {size / 1e6:,.2f} MB")

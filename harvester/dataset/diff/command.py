"""The command ``harvester diff``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

__all__ = ["diff"]

#: Exit code if something differs.
_DIFFERS = 3


@click.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(before: Path, after: Path, *, as_json: bool) -> None:
    """Tell what differs between two runs, by galaxy and by pixel.

    A and B are folders of runs, or Parquet files of manifests. Exit code 3: something
    differs.
    """
    from .report import find_differences

    found = find_differences(before, after)
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        click.echo("\n".join(found.words()))
    sys.exit(0 if found.is_same else _DIFFERS)

"""The command ``harvester merge``."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["merge"]


@click.command()
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the run."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def merge(folders: tuple[Path, ...], out: Path, *, as_json: bool) -> None:
    """Make one run of the parts that `harvester split` has made.

    DIR is the folder of the split, or give the folders of all its parts. Each stamp is
    checked. Stamps and manifest are those of one undivided harvest. Parts that are not
    finished are merged as they are. Interrupted, it goes on when it is called again.
    """
    from .merging import merge_parts, words

    told = merge_parts(folders, out)
    click.echo(json.dumps(told) if as_json else "\n".join(words(told)))

"""The command ``harvester extend``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ...settings.option_command import OfSettings

__all__ = ["extend"]


@click.command(cls=OfSettings, sections="EXTENDING")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--removed",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="What becomes of galaxies of the run that CATALOGUE lacks; drop: they are "
    "removed with their stamps.",
)
@click.option(
    "--add-near",
    is_flag=True,
    help="Add galaxies at positions of the run even if most of the new ones are there.",
)
@click.option("--dry-run", is_flag=True, help="Only tell; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument(
    "catalogue", metavar="[CATALOGUE]", required=False, type=click.Path(path_type=Path)
)
def extend(
    folder: Path,
    catalogue: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Add galaxies, surveys or bands to the run in DIR.

    CATALOGUE may be the catalogue of the run with more rows, or a file with only the
    new ones. Everything that is done stays as it is. What was understood is printed
    first; then the run is changed, and `harvester resume` harvests what is new.
    """
    from ...places import Places
    from .extending import addition_of, extend_stopped

    places = Places(folder)
    say = (lambda _: None) if as_json else click.echo
    addition = addition_of(catalogue, flags)
    told = extend_stopped(places, addition, say=say, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(told))
    elif dry_run:
        click.echo("Nothing was changed, because of --dry-run.")
    elif told["added"] or told["added_bands"]:
        click.echo(f"Added. To harvest what is new: harvester resume {folder}")
    elif told["dropped"]:
        click.echo(f"Removed. To write the manifest again: harvester manifest {folder}")

"""The command ``harvester split``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...settings.option_command import OfSettings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["split"]


@click.command(cls=OfSettings, sections="RUN")
@click.option(
    "--into", "parts", required=True, type=click.IntRange(1), help="Number of parts."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the parts."
)
@click.option(
    "--by",
    type=click.Choice(["frames", "healpix"]),
    help="frames: no frame is needed by two parts; the default for a run. healpix: "
    "parts are apart on the sky as far as there are gaps; the default for a CATALOGUE.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file, such as harvest.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("source", metavar="CATALOGUE|DIR", type=click.Path(path_type=Path))
def split(source: Path, *, as_json: bool, **flags: Any) -> None:
    """Split a run into parts, each to be harvested by a job of its own.

    DIR has a run that `harvester plan CATALOGUE --out DIR` has located, or that was
    begun. It is left as it is: harvest the parts instead. A CATALOGUE is split without
    asking an archive. `harvester merge` makes one run of the parts again.
    """
    from .splitting import words

    told = _split(source, flags, partial(click.echo, err=as_json))
    click.echo(json.dumps(told) if as_json else "\n".join(words(told)))


def _split(
    source: Path, flags: dict[str, Any], say: Callable[[str], object]
) -> dict[str, Any]:
    from ...places import Places
    from ...settings.options import to_settings
    from .splitting import split_catalogue, split_run

    out, parts, by = (flags.pop(name) for name in ("out", "parts", "by"))
    config = flags.pop("config")
    if not source.is_dir():
        if by == "frames":
            msg = (
                "the frames of a CATALOGUE are not known. Locate them first: "
                f"harvester plan {source} --out RUN; then split RUN"
            )
            raise click.UsageError(msg)
        if not source.exists():
            msg = f"there is no catalogue and no run at {source}"
            raise click.UsageError(msg)
        return split_catalogue(source, out, parts, config, flags, say)
    if config or to_settings(flags):
        msg = (
            f"{source} is a run, and its parts have its settings: leave out the others"
        )
        raise click.UsageError(msg)
    return split_run(Places(source), out, parts, by or "frames", say)

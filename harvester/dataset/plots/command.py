"""The command ``harvester plot``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["plot"]

#: The pictures, in the order in which they are drawn.
_PICTURES = ("sky", "coverage", "labels", "pixels", "throughput")


@click.command()
@click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=click.Path(path_type=Path)
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "pdf"]),
    default="png",
    show_default=True,
)
@click.option(
    "--only",
    "names",
    type=click.Choice(_PICTURES),
    multiple=True,
    help="Draw this picture; may be repeated. Without it all are drawn.",
)
@click.option(
    "--labels",
    metavar="NAMES",
    help="Columns of the catalogue to compare, separated by commas; at most the first "
    "six that tell galaxies apart are shown otherwise.",
)
@click.option(
    "--limit",
    default=5000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Measure the pixels of at most this many stamps of a band, evenly chosen.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; FOLDER/plots without it."
)
def plot(
    folder: Path,
    *,
    kind: str,
    names: tuple[str, ...],
    labels: str | None,
    limit: int,
    out: Path | None,
) -> None:
    """Draw pictures of a run.

    A map of the sky by state, the coverage by survey, the labels of galaxies that were
    kept and lost, magnitudes and backgrounds of the stamps, and the throughput. The run
    may be going on. Needs matplotlib: pip install 'galaxy-harvester[plot]'
    """
    from .pictures import PlotOptions, write_plots

    chosen = None if labels is None else [one.strip() for one in labels.split(",")]
    options = PlotOptions(names or _PICTURES, kind, chosen, limit)
    for line in write_plots(folder, out or folder / "plots", options):
        click.echo(line)

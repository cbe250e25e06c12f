"""The command ``harvester align``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["align"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="New folder for the aligned stamps and their manifest.",
)
@click.option(
    "--to",
    default="north",
    show_default=True,
    metavar="BAND|north|grid",
    help="north: north up, east left, the galaxy in the middle; grid: the same in the "
    "orientation of the first band; or a band such as SURVEY:r.",
)
@click.option(
    "--how",
    type=click.Choice(["exact", "bilinear", "adaptive"]),
    default="exact",
    show_default=True,
    help="exact conserves flux; bilinear and adaptive interpolate.",
)
@click.option(
    "--pixel-scale",
    type=click.FloatRange(min=0, min_open=True),
    help="Width of a new pixel, arcsec; that of the first band without it.",
)
@click.option(
    "--size", help="Side of the new stamps: 40px or 15arcsec; that of the first band."
)
@click.option(
    "--register/--no-register",
    default=True,
    show_default=True,
    help="Move a band by up to half a pixel if the galaxy's centre in it certainly "
    "differs from that in the reference band.",
)
def align(folder: Path, out: Path, **options: object) -> None:
    """Bring all bands and surveys of each galaxy onto one pixel grid.

    Stamps are cut on whole pixels, so that bands of one galaxy lie up to a pixel apart.
    OUT becomes a data set that `harvester export`, `plot` and `gallery` read. If it was
    interrupted, the same command continues it. Needs reproject:
    pip install 'galaxy-harvester[align]'
    """
    from ...places import Places
    from ..export.selection.snapshot import take_snapshot
    from ..opened.galaxies import Galaxies
    from .align_options import AlignOptions
    from .align_run import align_run

    places = Places(folder)
    snapshot = take_snapshot(places)
    found = align_run(
        Galaxies(places.out, snapshot.manifest),
        out,
        AlignOptions(**options),  # type: ignore[arg-type] # click checks
        source_sha256=snapshot.sha256,
        dates=snapshot.dates,
    )
    click.echo(f"{out}: {found.stamps:,} stamps of {found.galaxies:,} galaxies")
    for line in found.notes():
        click.echo(line)

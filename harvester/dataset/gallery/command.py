"""The commands that show the stamps of a run: ``gallery``, ``show`` and ``regions``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import InputError
from ...events import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .gallery import GallerySummary
    from .tiles import Tile

__all__ = ["gallery", "regions", "show"]

_folder = click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=click.Path(path_type=Path)
)


@click.command()
@_folder
@click.option(
    "--by",
    default="",
    metavar="LABEL",
    help="Make the contact sheets by this label; by default the first one with a few "
    "named classes.",
)
@click.option(
    "--pages",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="At most this many contact sheets of a class; 0: none.",
)
@click.option(
    "--processes",
    default=0,
    type=click.IntRange(min=0),
    help="Processes that draw; 0: as many as cores.",
)
def gallery(folder: Path, by: str, pages: int, processes: int) -> None:
    """Make a web page of all stamps, and contact sheets.

    The page is gallery.html in FOLDER; a browser opens it from disk. A second call
    draws only what has changed.
    """
    from .gallery import write_gallery

    with click.progressbar(
        length=1, label="Drawing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        summary = write_gallery(
            folder, by=by, pages=pages, processes=processes, progress=show
        )
    click.echo("\n".join(_words(summary)))


def _words(summary: GallerySummary) -> list[str]:
    galaxies = counted(summary.galaxies, "galaxy", "galaxies")
    total = summary.drawn + summary.kept
    lines = [
        f"{summary.page}: {galaxies}, {summary.size / 1e6:,.1f} MB in all.",
        f"{summary.drawn:,} of {total:,} groups of galaxies were new or had changed.",
    ]
    if summary.sheets:
        by = f" by {summary.sheet_label}" if summary.sheet_label else ""
        lines.append(
            f"{summary.sheets[0].parent}: "
            f"{counted(len(summary.sheets), 'contact sheet')}{by}."
        )
    if summary.more_sheets:
        more = counted(summary.more_sheets, "further sheet was", "further sheets were")
        lines.append(f"{more} left out: see --pages.")
    return lines


@click.command()
@click.argument("identifier", metavar="ID")
@_folder
@click.option(
    "--as",
    "way",
    type=click.Choice(["auto", "kitty", "sixel", "blocks", "none"]),
    default="auto",
    show_default=True,
    help="How the pictures are printed; auto: the best way that the terminal has, none "
    "if it is no terminal.",
)
@click.option(
    "--png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the pictures to this file instead.",
)
def show(identifier: str, folder: Path, way: str, png: Path | None) -> None:
    """Print one galaxy: its pictures, and its record.

    North is up and east left. The default FOLDER is $HARVESTER_RUN, or else the working
    directory.
    """
    from .show import (
        draw_row,
        find_galaxies,
        record_words,
        row_words,
        shown_tiles,
    )
    from .terminal import choose_way, to_text

    if way == "auto":
        way = choose_way() if sys.stdout.isatty() else "none"
    if png and png.suffix.lower() != ".png":
        msg = f"--png {png}: only PNG is written. Name a file that ends with .png"
        raise InputError(msg)
    table, found = find_galaxies(folder, identifier)
    # Half blocks are so few that more pictures could not be recognised.
    few = way == "blocks" and not png
    for number, galaxy in enumerate(found):
        if png and number == 0:
            _write_png(shown_tiles(table, galaxy), png)
        elif (
            way != "none" and not png and (tiles := shown_tiles(table, galaxy, few=few))
        ):
            picture = draw_row(tiles, with_words=not few)
            # The escape codes are what was asked for, also if the output is a file.
            click.echo(to_text(picture, way), color=True)  # type: ignore[arg-type] # one of the choices
            click.echo(row_words(tiles))
        click.echo("\n".join(record_words(table, galaxy)))


def _write_png(tiles: Sequence[Tile], path: Path) -> None:
    from .chunks import write_file
    from .contact_sheet import to_png
    from .show import draw_row, row_words

    if not tiles:
        msg = f"the galaxy has no stamp: {path} was not written"
        raise InputError(msg)
    write_file(path, to_png(draw_row(tiles)))
    click.echo(f"{path}: {row_words(tiles)}")


@click.command()
@_folder
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; by default targets.reg in FOLDER.",
)
def regions(folder: Path, out: Path | None) -> None:
    """Write the targets as regions of DS9, coloured by state."""
    from .regions import write_regions

    click.echo(write_regions(folder, out or folder / "targets.reg"))

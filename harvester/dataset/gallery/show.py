"""One galaxy: its pictures side by side, and its record in words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...archives.registry import kinds
from ...errors import InputError
from ...states import State
from ..export.card.columns import COLUMNS
from .galaxies import GalaxyTable
from .tiles import draw_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .galaxies import ShownGalaxy
    from .tiles import Tile

__all__ = ["draw_row", "find_galaxies", "record_words", "row_words", "shown_tiles"]

#: Pixels; side of a picture, the gap between two, and the line below them.
_SIDE, _GAP, _LINE = 240, 8, 20

_PAGE, _TEXT, _QUIET = (20, 22, 27), (227, 230, 236), (148, 156, 171)

#: How all pictures lie.
_UP = "north up, east left"

#: Columns that other lines of the record tell, and the row in the catalogue.
_TOLD = {
    *("id_str", "ra", "dec", "survey", "band", "status", "reason", "missing_reason"),
    "target",
}


def find_galaxies(out: Path, identifier: str) -> tuple[GalaxyTable, list[ShownGalaxy]]:
    """Find the galaxies with an identifier: more than one if it is repeated.

    Raises
    ------
    InputError
        There is no such identifier; the message names the nearest ones.
    """
    table = GalaxyTable(out)
    if found := table.find(identifier):
        return table, found
    known = list(dict.fromkeys(table.column("id_str").to_pylist()))
    near = get_close_matches(identifier, known, n=3, cutoff=0.3) or known[:3]
    remedy = f"The nearest are {', '.join(near)}" if near else "The run has no galaxies"
    msg = f"there is no galaxy {identifier!r} in {out}. {remedy}"
    raise InputError(msg)


def shown_tiles(
    table: GalaxyTable, galaxy: ShownGalaxy, *, few: bool = False
) -> list[Tile]:
    """Draw the pictures of a galaxy; empty if it has no stamp.

    North is up and east left. With ``few`` a picture in colour stands for the bands of
    its archive.
    """
    tiles = draw_tiles(table.out, galaxy, table.slots, _SIDE)
    coloured = {tile.archive for tile in tiles if tile.is_colour and few}
    return [
        tile
        for tile in tiles
        if tile.image is not None and (tile.is_colour or tile.archive not in coloured)
    ]


def draw_row(tiles: Sequence[Tile], *, with_words: bool = True) -> Image.Image:
    """Draw pictures side by side, at one angular scale.

    With words each has its name, and the first a bar that shows the scale.
    """
    width = len(tiles) * (_SIDE + _GAP) - _GAP
    picture = Image.new("RGB", (width, _SIDE + _LINE * with_words), _PAGE)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    widest = max(tile.field_arcsec for tile in tiles)
    for number, tile in enumerate(tiles):
        left = number * (_SIDE + _GAP)
        _paste(picture, tile, left, round(_SIDE * tile.field_arcsec / widest))
        if with_words:
            pen.text((left + 2, _SIDE + 2), tile.name, _TEXT, font)
    if with_words:
        _draw_scale(pen, widest)
        pen.text((width - 2, _SIDE + 2), _UP, _QUIET, font, anchor="ra")
    return picture


def row_words(tiles: Sequence[Tile]) -> str:
    """Say in words which pictures `draw_row` shows."""
    names = (f"{tile.name} ({tile.field_arcsec:.1f} arcsec wide)" for tile in tiles)
    return f"{', '.join(names)}; {_UP}"


def _paste(picture: Image.Image, tile: Tile, left: int, side: int) -> None:
    image = Image.fromarray(np.asarray(tile.image))
    drawn = image.resize((side, side), Image.Resampling.LANCZOS)
    inset = (_SIDE - side) // 2
    picture.paste(drawn, (left + inset, inset))


def _draw_scale(pen: ImageDraw.ImageDraw, widest: float) -> None:
    """Draw a bar of a round length, at most a third of a picture wide."""
    lengths = (600, 300, 120, 60, 30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1)
    length = next((one for one in lengths if one <= widest / 3), lengths[-1])
    end = 8 + _SIDE * length / widest
    pen.line((8, _SIDE - 10, end, _SIDE - 10), _TEXT, 2)
    pen.text((8, _SIDE - 28), f"{length:g} arcsec", _TEXT, ImageFont.load_default(12))


def record_words(table: GalaxyTable, galaxy: ShownGalaxy) -> list[str]:
    """Give the record of a galaxy: position, each stamp, labels, pages of archives.

    Bands are in the order of their wavelength.
    """
    first = galaxy.rows[0]
    lines = [f"{galaxy.id} at RA {galaxy.ra:.6f}, Dec {galaxy.dec:+.6f} degrees (ICRS)"]
    order = [(slot.archive, slot.band) for slot in table.slots]
    rows = sorted(
        galaxy.rows, key=lambda row: order.index((row["survey"], row["band"]))
    )
    for row in rows:
        lines.extend(_stamp_words(table, row))
    labels = [(name, first[name]) for name in table.labels if _is_told(first[name])]
    if labels:
        lines += ["Labels:", *_aligned(labels)]
    return [*lines, *_page_words(galaxy)]


def _stamp_words(table: GalaxyTable, row: dict[str, Any]) -> Iterator[str]:
    slots = {(slot.archive, slot.band): slot for slot in table.slots}
    name = slots[row["survey"], row["band"]].name
    # "error" says less than the code of the error.
    is_error = row["missing_reason"] == "error"
    why = (row["reason"] if is_error else "") or row["missing_reason"] or row["reason"]
    status = str(row["status"]).replace("_", " ")
    yield f"{name}: {status}" + (f" ({str(why).replace('_', ' ')})" if why else "")
    if row["status"] == State.DONE.value:
        yield from _aligned(
            [
                (name, _with_unit(name, row[name]))
                for name in table.own
                if name not in _TOLD and _is_told(row[name])
            ]
        )


def _is_told(value: object) -> bool:
    return value is not None and value != ""


def _with_unit(name: str, value: object) -> str:
    unit, _ = COLUMNS.get(name, ("", ""))
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def _aligned(pairs: Sequence[tuple[str, Any]]) -> list[str]:
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"  {name:{width}}  {value}" for name, value in pairs]


def _page_words(galaxy: ShownGalaxy) -> list[str]:
    urls: dict[str, str] = {}
    for row in galaxy.rows:
        urls[row["survey"]] = urls.get(row["survey"]) or row["parent_url"] or ""
    return [
        f"{kinds()[name].title}: {page}"
        for name, url in urls.items()
        if name in kinds() and (page := kinds()[name].page(galaxy.ra, galaxy.dec, url))
    ]

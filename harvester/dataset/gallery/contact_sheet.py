"""A contact sheet: galaxies in rows, each with its pictures and its name below."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from .tiles import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SheetGalaxy", "SheetTile", "draw_sheet", "to_png"]

#: Pixels: the gap between pictures, the margin, and a line of text.
_GAP, _MARGIN, _LINE = 4, 28, 16

#: Pixels between galaxies.
_APART = 20

#: Pixels; the sheet is about as wide as a screen.
_WIDTH = 1400

_PAGE, _TEXT, _QUIET = (20, 22, 27), (227, 230, 236), (148, 156, 171)


#: Characters of a name that are measured.
_LONGEST = 100

#: Below the title.
_NOTE = "North up, east left. With each picture: its width in arcsec."


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(12)


class SheetTile(NamedTuple):
    """One picture of a galaxy."""

    name: str
    #: None: the file of the stamp is missing.
    picture: Image.Image | None


class SheetGalaxy(NamedTuple):
    """One galaxy of a sheet."""

    id: str
    tiles: tuple[SheetTile, ...]


def draw_sheet(galaxies: Sequence[SheetGalaxy], *, title: str) -> Image.Image:
    """Draw galaxies in rows; the pictures of a galaxy stay side by side."""
    across = max(map(_width, galaxies), default=SIDE) + _APART
    in_row = max(1, min(len(galaxies), (_WIDTH - 2 * _MARGIN + _APART) // across))
    down = SIDE + 2 * _LINE + _APART
    top = _MARGIN + 2 * _LINE
    rows = -(-len(galaxies) // in_row)
    size = (2 * _MARGIN + in_row * across - _APART, top + rows * down + _MARGIN // 2)
    sheet = Image.new("RGB", (max(size[0], 3 * SIDE), size[1]), _PAGE)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(17)
    pen.text((_MARGIN, _MARGIN - 6), title, _TEXT, font)
    after = _MARGIN + font.getlength(f"{title}   ")
    pen.text((after, _MARGIN - 2), _NOTE, _QUIET, ImageFont.load_default(12))
    for number, galaxy in enumerate(galaxies):
        row, column = divmod(number, in_row)
        place = (_MARGIN + column * across, top + row * down)
        _draw_galaxy(sheet, pen, place, galaxy, across - _APART)
    return sheet


def _width(galaxy: SheetGalaxy) -> int:
    """Return the width of a galaxy: its pictures, or its name if that is longer."""
    pictures = max(1, len(galaxy.tiles)) * (SIDE + _GAP) - _GAP
    # Of a very long name only the beginning is shown.
    name = min(2 * SIDE, round(_font().getlength(galaxy.id[:_LONGEST])) + 1)
    return max(pictures, name)


def _draw_galaxy(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    galaxy: SheetGalaxy,
    width: int,
) -> None:
    x, y = place
    for number, tile in enumerate(galaxy.tiles):
        left = x + number * (SIDE + _GAP)
        if tile.picture is None:
            pen.rectangle((left, y, left + SIDE - 1, y + SIDE - 1), outline=_QUIET)
            _write(pen, (left + 8, y + SIDE // 2), "file missing", _QUIET, SIDE)
        else:
            sheet.paste(tile.picture, (left, y))
        _write(pen, (left, y + SIDE + 2), tile.name, _QUIET, SIDE)
    _write(pen, (x, y + SIDE + _LINE + 2), galaxy.id, _TEXT, width)


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    ink: tuple[int, int, int],
    width: int,
) -> None:
    """Write a line of text, shortened to the width."""
    font = _font()
    text = text.replace("\n", " ")[:200]
    if font.getlength(text) > width:
        while text and font.getlength(f"{text}...") > width:
            text = text[:-1]
        text += "..."
    pen.text(place, text, ink, font)


def to_png(picture: Image.Image) -> bytes:
    """Return a picture in the PNG format."""
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()

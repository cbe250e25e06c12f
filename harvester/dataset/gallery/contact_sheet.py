"""The contact sheet: one picture of all stamps, with their names below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .display import ShownGalaxy, ShownStamp

__all__ = ["draw_sheet"]

#: Pixels; the side of a stamp, the gap between stamps, the margin, and a line of text.
_SIDE, _GAP, _MARGIN, _LINE = 120, 8, 28, 16

#: Pixels between galaxies.
_APART = 22

#: The most rows of galaxies: the picture then has some thousand lines, and programs can
#: still open it.
_ROWS = 40

_PAGE, _TEXT, _QUIET, _WARN = (
    (20, 22, 27),
    (227, 230, 236),
    (148, 156, 171),
    (222, 128, 116),
)


def draw_sheet(
    galaxies: Sequence[ShownGalaxy], *, columns: int, title: str
) -> Image.Image:
    """Draw galaxies in rows, each with its stamps side by side.

    Parameters
    ----------
    columns
        Stamps in a row; there may be fewer, because the stamps of a galaxy stay in one
        row.
    """
    widest = max((len(galaxy.stamps) for galaxy in galaxies), default=1)
    in_row = max(1, columns // widest)
    shown = galaxies[: in_row * _ROWS]
    across = widest * (_SIDE + _GAP) - _GAP + _APART
    down = _SIDE + 3 * _LINE + _APART
    rows = -(-len(shown) // in_row)
    top = _MARGIN + 2 * _LINE
    size = (2 * _MARGIN + in_row * across - _APART, top + rows * down + _MARGIN // 2)
    sheet = Image.new("RGB", size, _PAGE)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN - 6), title, _TEXT, ImageFont.load_default(17))
    for number, galaxy in enumerate(shown):
        row, column = divmod(number, in_row)
        place = (_MARGIN + column * across, top + row * down)
        _draw_galaxy(sheet, pen, place, galaxy, across - _APART)
    return sheet


def _draw_galaxy(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    galaxy: ShownGalaxy,
    width: int,
) -> None:
    x, y = place
    for number, stamp in enumerate(galaxy.stamps):
        _draw_stamp(sheet, pen, (x + number * (_SIDE + _GAP), y), stamp)
    below = y + _SIDE + _LINE + 3
    _write(pen, (x, below), galaxy.id, 12, _TEXT, width)
    labels = "  ".join(text for _, text in galaxy.labels)
    _write(pen, (x, below + _LINE), labels, 11, _QUIET, width)


def _draw_stamp(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    stamp: ShownStamp,
) -> None:
    x, y = place
    if stamp.picture is None:
        pen.rectangle((x, y, x + _SIDE - 1, y + _SIDE - 1), outline=_QUIET)
        _write(pen, (x + _GAP, y + _SIDE // 2), "file missing", 11, _QUIET, _SIDE)
    else:
        sheet.paste(_fit(stamp.picture), place)
    if stamp.part:
        pen.rectangle((x, y, x + 32, y + _LINE), _PAGE)
        _write(pen, (x + 4, y + 1), stamp.part, 11, _WARN, _SIDE)
    _write(pen, (x, y + _SIDE + 2), stamp.name, 11, _QUIET, _SIDE + _GAP - 2)


def _fit(picture: Image.Image) -> Image.Image:
    """Scale a stamp to the common size: sharp pixels if larger, averaged if smaller."""
    longest = max(picture.size)
    shape = (
        max(1, round(picture.width * _SIDE / longest)),
        max(1, round(picture.height * _SIDE / longest)),
    )
    way = Image.Resampling.NEAREST if longest <= _SIDE else Image.Resampling.BOX
    fitted = Image.new("RGB", (_SIDE, _SIDE))
    corner = ((_SIDE - shape[0]) // 2, (_SIDE - shape[1]) // 2)
    fitted.paste(picture.convert("RGB").resize(shape, way), corner)
    return fitted


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    """Write a line of text, shortened to the width."""
    font = ImageFont.load_default(size)
    text = text.replace("\n", " ")[:200]
    if font.getlength(text) > width:
        while text and font.getlength(f"{text}...") > width:
            text = text[:-1]
        text += "..."
    pen.text(place, text, colour, font)

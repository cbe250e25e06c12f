"""Print a picture in a terminal: kitty's protocol, sixel, or half blocks.

Kitty's protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/. Sixel: the manual
of DEC's VT330, chapter 14.
"""

from __future__ import annotations

import io
import os
import re
import select
import sys
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Way", "choose_way", "to_text"]

Way = Literal["kitty", "sixel", "blocks"]

#: Bytes of base64 in one escape sequence of kitty's protocol at most.
_KITTY_PIECE = 4096

#: Colours of a sixel picture at most: what VT340 terminals and xterm have.
_SIXEL_COLOURS = 256

#: Greys of a sixel picture: its levels are percents.
_GREYS = 101

#: Percent; a pixel whose three levels differ by less is drawn in grey.
_GREYISH = 5

#: Seconds that a terminal gets to say what it can.
_ANSWER_S = 0.3

#: The attribute "sixel" in a terminal's answer to the question for its attributes.
_SIXEL = re.compile(rb"\x1b\[\?(?:\d+;)*4(?:;\d+)*c")

#: Columns of a terminal that does not tell its width.
_COLUMNS = 80


def choose_way(environment: Mapping[str, str] = os.environ) -> Way:
    """Return the best way that the terminal of this process understands."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if (
        "KITTY_WINDOW_ID" in environment
        or term in {"xterm-kitty", "xterm-ghostty"}
        or program in {"WezTerm", "ghostty"}
    ):
        return "kitty"
    return "sixel" if _SIXEL.search(_attributes()) else "blocks"


def _attributes() -> bytes:
    """Return the terminal's answer to the question for its attributes; b"" if none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return b""
    import termios  # only needed with a terminal
    import tty

    answer, keyboard = b"", sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)  # otherwise the answer is printed, and waits for Enter
        os.write(sys.stdout.fileno(), b"\x1b[c")
        while select.select([keyboard], [], [], _ANSWER_S)[0] and b"c" not in answer:
            answer += os.read(keyboard, 64)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    return answer


def to_text(picture: Image.Image, way: Way, columns: int = 0) -> str:
    """Return the characters that show a picture.

    Parameters
    ----------
    columns
        Width of the terminal in characters; 0: ask it. Half blocks fit into it.
    """
    if way == "kitty":
        return "".join(_kitty(picture))
    if way == "sixel":
        return "".join(_sixel(picture))
    return "\n".join(_blocks(picture, columns or _width()))


def _width() -> int:
    with suppress(OSError):
        return os.get_terminal_size().columns
    return _COLUMNS


def _kitty(picture: Image.Image) -> Iterator[str]:
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    text = b64encode(packed.getvalue()).decode("ascii")
    pieces = [text[n : n + _KITTY_PIECE] for n in range(0, len(text), _KITTY_PIECE)]
    for number, piece in enumerate(pieces):
        first = "a=T,f=100," if number == 0 else ""
        yield f"\x1b_G{first}m={int(number < len(pieces) - 1)};{piece}\x1b\\"


def _sixel(picture: Image.Image) -> Iterator[str]:
    pixels, palette = _few_colours(picture.convert("RGB"))
    yield f'\x1bPq"1;1;{picture.width};{picture.height}'
    for number, (red, green, blue) in enumerate(palette.tolist()):
        yield f"#{number};2;{red};{green};{blue}"
    for top in range(0, picture.height, 6):
        yield from _band(pixels[top : top + 6])
    yield "\x1b\\"


def _few_colours(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each pixel's colour, and the colours in percent.

    Bands in grey get all greys that a terminal has: fewer would draw rings around a
    galaxy. The other colours are for the pictures in colour.
    """
    levels = np.asarray(picture, int) * 100 / 255
    places = np.rint(levels.mean(axis=2)).astype(int)
    coloured = np.ptp(levels, axis=2) > _GREYISH
    palette = np.repeat(np.arange(_GREYS)[:, np.newaxis], 3, axis=1)
    if coloured.any():
        # Of the usual ways this keeps the colours of small parts, such as the galaxy.
        best = Image.Quantize.MAXCOVERAGE
        strip = Image.fromarray(np.asarray(picture)[coloured][np.newaxis])
        few = strip.quantize(_SIXEL_COLOURS - _GREYS, best)
        places[coloured] = _GREYS + np.asarray(few)[0]
        more = np.asarray(few.getpalette()).reshape(-1, 3) * 100 / 255
        palette = np.concatenate([palette, np.rint(more).astype(int)])
    return places, palette


def _band(rows: np.ndarray) -> Iterator[str]:
    """Yield six rows of pixels: for each colour the columns that have it."""
    weights = (1 << np.arange(len(rows)))[:, np.newaxis]
    for colour in np.unique(rows).tolist():
        sixes = ((rows == colour) * weights).sum(axis=0)
        yield f"#{colour}" + "".join(map(_run, *_runs(sixes))) + "$"
    yield "-"


def _runs(values: np.ndarray) -> tuple[list[int], list[int]]:
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    lengths = np.diff(starts, append=len(values))
    return values[starts].tolist(), lengths.tolist()


def _run(value: int, length: int) -> str:
    letter = chr(63 + value)
    return letter * length if length < 4 else f"!{length}{letter}"  # noqa: PLR2004 - shorter so


def _blocks(picture: Image.Image, columns: int) -> Iterator[str]:
    """Yield lines of half blocks: the upper pixel is the ink, the lower the paper."""
    width = min(columns, picture.width)
    height = max(2, 2 * round(picture.height * width / picture.width / 2))
    small = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(small).tolist()
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = zip(upper, lower, strict=True)
        yield "".join(map(_cell, cells)) + "\x1b[0m"


def _cell(pair: tuple[list[int], list[int]]) -> str:
    ink, paper = (";".join(map(str, one)) for one in pair)
    return f"\x1b[38;2;{ink};48;2;{paper}m▀"

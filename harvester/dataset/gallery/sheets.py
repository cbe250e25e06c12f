"""Contact sheets: the galaxies of each class of a label, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...states import State
from .chunks import ACROSS, PER_CHUNK, read_chunk, write_file
from .contact_sheet import SheetGalaxy, SheetTile, draw_sheet, to_png
from .tiles import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from PIL import Image

    from .filters import FilterColumn
    from .galaxies import GalaxyTable

__all__ = ["SheetPlan", "write_sheets"]

#: The most classes of a label that is chosen for the user.
_MOST_CLASSES = 12

#: Galaxies on a sheet.
_ON_SHEET = 48

#: Chunks in memory, some MB each.
_CHUNKS_KEPT = 16

#: Stands for the galaxies without a class, and for all of them where there is no class.
_NO_CLASS, _ALL = "none", "all"


@dataclass(slots=True)
class SheetPlan:
    """Which sheets are drawn."""

    #: Empty: one class with all galaxies.
    label: str
    #: The most sheets of a class.
    pages: int
    #: Sheets that there would be beyond these.
    left_out: int = 0

    @classmethod
    def choose(cls, labels: Sequence[FilterColumn], by: str, pages: int) -> SheetPlan:
        """Choose the first label with few classes that have names, unless given one."""
        named = [
            column.name
            for column in labels
            if column.kind == "choice"
            and 1 < len(column.values) <= _MOST_CLASSES
            and not all(re.fullmatch(r"-?\d+", value) for value in column.values)
        ]
        return cls(by or next(iter(named), ""), pages)


def write_sheets(table: GalaxyTable, plan: SheetPlan) -> Iterator[tuple[Path, int]]:
    """Draw the sheets; give the path and the bytes of each.

    The pictures come from the chunks, which must have been drawn.

    Raises
    ------
    LocalError
        A file cannot be read or written.
    """
    folder = table.out / "gallery" / "sheets" / _file_name(plan.label or _ALL)
    # Galaxies of several classes are in one chunk.
    read = lru_cache(_CHUNKS_KEPT)(read_chunk)
    for name, numbers in _classes(table, plan.label):
        pages = -(-len(numbers) // _ON_SHEET)
        plan.left_out += max(0, pages - plan.pages)
        for page in range(min(pages, plan.pages)):
            some = numbers[page * _ON_SHEET : (page + 1) * _ON_SHEET]
            title = f"{plan.label} {name}, sheet {page + 1} of {pages}"
            galaxies = [
                _galaxy(read(table.out, number // PER_CHUNK), number) for number in some
            ]
            content = to_png(draw_sheet(galaxies, title=title.strip()))
            path = folder / f"{_file_name(name)}-{page + 1:03d}.png"
            write_file(path, content)
            yield path, len(content)


def _classes(table: GalaxyTable, label: str) -> Iterator[tuple[str, list[int]]]:
    """Give each class with its galaxies that have a stamp: others have no picture."""
    done = pc.equal(table.column("status"), State.DONE.value).to_numpy(
        zero_copy_only=False
    )
    shown = np.unique(table.numbers[done]).tolist()
    if not label:
        if shown:
            yield _ALL, shown
        return
    column = table.label(label)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    members: dict[str, list[int]] = {}
    values = column.take(pa.array(shown, pa.int64())).to_pylist()
    for number, value in zip(shown, values, strict=True):
        members.setdefault(_NO_CLASS if value in {None, ""} else value, []).append(
            number
        )
    yield from sorted(members.items())


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:80] or "_"


def _galaxy(
    chunk: tuple[list[dict[str, Any]], Image.Image], number: int
) -> SheetGalaxy:
    records, picture = chunk
    record: dict[str, Any] = records[number % PER_CHUNK]
    tiles = record["tiles"]
    coloured = {tile["archive"] for tile in tiles if tile["colour"]}
    # A colour picture stands for all bands of its archive.
    main = [tile for tile in tiles if tile["colour"] or tile["archive"] not in coloured]
    return SheetGalaxy(
        record["id"],
        tuple(
            SheetTile(f'{tile["name"]} {tile["field"]:.1f}"', _cut(picture, tile["at"]))
            for tile in main
        ),
    )


def _cut(picture: Image.Image, at: int) -> Image.Image | None:
    if at < 0:
        return None
    row, column = (part * SIDE for part in divmod(at, ACROSS))
    return picture.crop((column, row, column + SIDE, row + SIDE))

"""The pictures and records of the gallery, in chunks of some galaxies.

A chunk is a picture with all tiles of its galaxies, and a script with their records.
The page loads a chunk when one of its galaxies is to be seen. The first line of the
script tells what the chunk was made from, so that a later call leaves it as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ... import __version__
from ...archives.registry import kinds
from ...errors import LocalError
from .tiles import SIDE, Tile, draw_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .galaxies import ShownGalaxy, Slot

__all__ = ["ACROSS", "PER_CHUNK", "Chunk", "ChunkResult", "read_chunk", "write_file"]

#: Galaxies in a chunk: fewer make more files, more are slower to load for one galaxy.
PER_CHUNK = 16

#: Tiles in a row of the picture of a chunk.
ACROSS = 16

#: Chunks in one folder; larger folders are slow to list.
_PER_FOLDER = 500

#: JPEG, because noise takes a third of the bytes of PNG; its blocks do not reach from
#: one tile into the next.
_QUALITY = 85

#: Changes whenever the same rows are drawn in another way.
_DRAWING = 1


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What was done for one chunk."""

    number: int
    #: False: its files were up to date.
    is_new: bool
    #: Of its two files.
    size: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some galaxies whose pictures and records are in two files."""

    number: int
    #: Folder of the run.
    out: str
    galaxies: tuple[ShownGalaxy, ...]
    slots: tuple[Slot, ...]
    #: Columns of the manifest of a stamp, and of a galaxy.
    own: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Path of its files without the ending, relative to the gallery's folder."""
        return chunk_stem(self.number)

    def write(self) -> ChunkResult:
        """Draw it and write its files, unless they are up to date.

        Raises
        ------
        LocalError
            A file cannot be written.
        """
        folder = Path(self.out) / "gallery"
        script, picture = (folder / f"{self.stem}{end}" for end in (".js", ".jpg"))
        key = self._fingerprint()
        if size := _size_if_kept(script, picture, key):
            return ChunkResult(self.number, False, size)
        drawn = [draw_tiles(Path(self.out), one, self.slots) for one in self.galaxies]
        packed = _pack([tile for tiles in drawn for tile in tiles])
        write_file(picture, packed)
        text = self._script(key, len(packed), drawn).encode()
        write_file(script, text)
        return ChunkResult(self.number, True, len(packed) + len(text))

    def _fingerprint(self) -> str:
        """Hash all that decides the content: rows, sizes of the stamps, version."""
        seen = [
            _DRAWING,
            __version__,
            self.slots,
            [
                [_plain(row), _size(self.out, row)]
                for g in self.galaxies
                for row in g.rows
            ],
        ]
        text = json.dumps(seen, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _script(self, key: str, size: int, drawn: Sequence[Sequence[Tile]]) -> str:
        place, records = 0, []
        for galaxy, tiles in zip(self.galaxies, drawn, strict=True):
            records.append(self._record(galaxy, tiles, place))
            place += len(tiles)
        text = json.dumps(records, ensure_ascii=True, separators=(",", ":"))
        return f"/* {key} {size} */\nreceive({json.dumps(self.stem)},{text});\n"

    def _record(
        self, galaxy: ShownGalaxy, tiles: Sequence[Tile], place: int
    ) -> dict[str, Any]:
        rows = [_plain(row) for row in galaxy.rows]
        return {
            "id": galaxy.id,
            "ra": galaxy.ra,
            "dec": galaxy.dec,
            "tiles": [
                {
                    "name": tile.name,
                    "archive": tile.archive,
                    "colour": tile.is_colour,
                    "field": round(tile.field_arcsec, 3),
                    "coverage": tile.coverage,
                    "at": place + number if tile.image is not None else -1,
                }
                for number, tile in enumerate(tiles)
            ],
            "rows": [[row[name] for name in self.own] for row in rows],
            "labels": [rows[0][name] for name in self.labels],
            "pages": _pages(galaxy),
        }


def chunk_stem(number: int) -> str:
    """Give the path of a chunk's files without the ending."""
    return f"chunks/{number // _PER_FOLDER:04d}/{number:06d}"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with values that JSON has."""
    return {name: _json_value(value) for name, value in row.items()}


def _json_value(value: Any) -> Any:  # noqa: ANN401 - any value of a table
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        # Integers above 2^53 lose digits in a browser.
        is_large = type(value) is int and abs(value) >= 1 << 53
        return str(value) if is_large else value
    return str(value)


def _size(out: str, row: dict[str, Any]) -> int:
    """Return the size of a stamp's file, -1 if there is none: it may be lost."""
    if not row["file_loc"]:
        return -1
    try:
        return os.stat(f"{out}/{row['file_loc']}").st_size  # noqa: PTH116 - there are many
    except OSError:
        return -1


def _pages(galaxy: ShownGalaxy) -> list[tuple[str, str]]:
    """Return title and address of the page of each archive about the galaxy."""
    urls: dict[str, str] = {}
    for row in galaxy.rows:
        urls[row["survey"]] = urls.get(row["survey"]) or row["parent_url"] or ""
    known = [(kinds()[name], url) for name, url in urls.items() if name in kinds()]
    pages = [(kind.title, kind.page(galaxy.ra, galaxy.dec, url)) for kind, url in known]
    return [(title, page) for title, page in pages if page]


def _pack(tiles: Sequence[Tile]) -> bytes:
    rows = max(1, -(-len(tiles) // ACROSS))
    sheet = np.zeros((rows * SIDE, min(max(1, len(tiles)), ACROSS) * SIDE, 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = (part * SIDE for part in divmod(number, ACROSS))
        if tile.image is not None:
            sheet[row : row + SIDE, column : column + SIDE] = tile.image
    packed = io.BytesIO()
    Image.fromarray(sheet).save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()


def _size_if_kept(script: Path, picture: Path, key: str) -> int:
    """Return the size of both files if they are of this key and whole, otherwise 0."""
    try:
        with script.open("rb") as file:
            words = file.readline(100).split()
        sizes = script.stat().st_size, picture.stat().st_size
    except OSError:
        return 0
    is_kept = words == [b"/*", key.encode(), str(sizes[1]).encode(), b"*/"]
    return sum(sizes) if is_kept else 0


def write_file(path: Path, content: bytes) -> None:
    """Write a file; it appears whole.

    Raises
    ------
    LocalError
        It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        msg = (
            f"{path} cannot be written: {error.strerror or error}. Check the free "
            "space and the permissions of its folder"
        )
        raise LocalError(msg) from error


def read_chunk(out: Path, number: int) -> tuple[list[dict[str, Any]], Image.Image]:
    """Read the records of a chunk and the picture with its tiles.

    Raises
    ------
    LocalError
        A file cannot be read.
    """
    stem = str(out / "gallery" / chunk_stem(number))
    try:
        text = Path(f"{stem}.js").read_text("utf-8")
        with Image.open(f"{stem}.jpg") as picture:
            picture.load()
    except OSError as error:
        msg = (
            f"{stem}.js or .jpg cannot be read: {error}. Run `harvester gallery` again"
        )
        raise LocalError(msg) from error
    records: list[dict[str, Any]] = json.loads(text[text.index(",[") + 1 : -3])
    return records, picture

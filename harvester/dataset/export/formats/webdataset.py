"""WebDataset shards: plain tar files whose samples have one name before the first dot.

::

    NAME_SET_000000_512.tar      SET: the split, or all; 512: galaxies in the shard
        ID.image.jpg             picture of the survey with the most stamps
        ID.labels.json           the labels
        ID.metadata.json         all other columns; as in the labels, a missing number
                                 is NaN and a missing text is empty: readers that take
                                 types from the first samples fail on null
        ID.SURVEY.npy            (B, ny, nx) float32; NaN if there is no stamp
        ID.SURVEY.mask.npy, ID.SURVEY.ivar.npy, ID.SURVEY.psf.npy

The galaxies are in a random order that is always the same, because shards are read from
the beginning.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..contents.galaxy_pictures import GalaxyPictures
from ..contents.pictures import to_jpg
from ..contents.plain_columns import without_nulls
from ..contents.sets import by_set
from ..kind import ExportFormat, ExportPiece
from ..selection.distinct import distinct
from ..selection.read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..selection.selection import Selection
    from ..selection.survey_stamps import StampArrays

__all__ = ["FORMAT"]

#: Galaxies in a shard: a multiple of usual batch sizes.
_SHARD = 512

#: Samples whose stamps are read at a time.
_BATCH = 64


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the shards of each set."""
    samples = _Samples(selection)
    for name, rows in _shards(selection):
        write = partial(_write_shard, samples, rows)
        yield ExportPiece(name, write, rows=len(rows))


def _loading(selection: Selection) -> str:
    """Iterate over the first shard."""
    first, _ = next(_shards(selection))
    return (
        "import webdataset as wds; "
        f"data = wds.WebDataset('DIR/{first}', shardshuffle=False).decode('rgb8')"
    )


FORMAT = ExportFormat(
    name="webdataset",
    title="WebDataset shards",
    pieces=_pieces,
    loading=_loading,
)


def _shards(selection: Selection) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Give the name of each shard, and its galaxies as rows of the table."""
    ids = selection.galaxies["object_id"].to_pylist()
    order = _random_order(ids, _with_stamps(selection))
    for name, members in by_set(_splits(selection), len(ids)):
        chosen = order[np.isin(order, members)]
        for number, start in enumerate(range(0, len(chosen), _SHARD)):
            rows = chosen[start : start + _SHARD]
            yield f"{_plain(selection.name)}_{name}_{number:06d}_{len(rows)}.tar", rows


def _splits(selection: Selection) -> NDArray[Any] | None:
    if not selection.splits:
        return None
    return np.array(selection.galaxies["split"].to_pylist(), object)


def _with_stamps(selection: Selection) -> NDArray[np.int64]:
    """Give the rows of galaxies that have a stamp in any survey."""
    rows = [survey.rows for survey in selection.surveys]
    return np.unique(np.concatenate(rows))


def _random_order(ids: list[str], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    keys = [hashlib.blake2b(ids[row].encode(), digest_size=8).digest() for row in rows]
    return rows[np.argsort(np.array(keys), kind="stable")]


def _plain(text: str) -> str:
    # Loaders expand braces and take what follows the last underscore for a count.
    return re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-") or "galaxies"


def _write_shard(
    samples: _Samples, rows: NDArray[np.int64], path: Path, _root: Path
) -> None:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        parts = (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH))
        for some, stamps in read_ahead(parts, lambda one: (one, samples.read(one))):
            for name, content in samples.files(some, stamps):
                # All other fields stay at their defaults: no time, no owner.
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


class _Samples:
    """The files of each galaxy."""

    def __init__(self, selection: Selection) -> None:
        self._surveys = selection.surveys
        self._shown = selection.fullest.name
        self._drawing = GalaxyPictures(selection, selection.fullest)
        table = without_nulls(selection.galaxies)
        self._labels = table.select(selection.labels)
        self._facts = table.drop_columns(selection.labels)
        ids = table["object_id"].to_pylist()
        # The name of a sample ends at its first dot.
        plain = [re.sub(r"[./\\]", "_", one) for one in ids]
        self._keys = list(distinct(plain))

    def read(self, rows: NDArray[np.int64]) -> Mapping[str, StampArrays]:
        """Read the stamps of some galaxies in each survey."""
        return {one.name: one.read_rows(rows) for one in self._surveys}

    def files(
        self, rows: NDArray[np.int64], stamps: Mapping[str, StampArrays]
    ) -> Iterator[tuple[str, bytes]]:
        """Give name and content of the files of some galaxies with their stamps."""
        labels = self._labels.take(pa.array(rows)).to_pylist()
        facts = self._facts.take(pa.array(rows)).to_pylist()
        pictures = self._drawing.draw(stamps[self._shown].flux, rows)
        for place, row in enumerate(rows):
            key = self._keys[row]
            yield f"{key}.image.jpg", to_jpg(pictures[place])
            # A run may have no labels at all.
            yield f"{key}.labels.json", _json(labels[place] if labels else {})
            yield f"{key}.metadata.json", _json(facts[place])
            yield from _arrays(key, stamps, place)


def _arrays(
    key: str, stamps: Mapping[str, StampArrays], place: int
) -> Iterator[tuple[str, bytes]]:
    for survey, arrays in stamps.items():
        for plane, pixels in arrays.planes().items():
            ending = "npy" if plane == "flux" else f"{plane}.npy"
            yield f"{key}.{survey}.{ending}", _npy(pixels[place])


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def _npy(pixels: NDArray[Any]) -> bytes:
    packed = io.BytesIO()
    np.save(packed, pixels.astype(pixels.dtype.newbyteorder("<"), copy=False))
    return packed.getvalue()

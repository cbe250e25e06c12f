"""FITS files: one a galaxy with all its stamps, and a table of the galaxies.

::

    galaxies.fits                    a binary table: every galaxy, and its file
    stamps/0000/STEM.fits            image extensions SURVEY_BAND, SURVEY_BAND_IVAR,
                                     SURVEY_BAND_MASK, SURVEY_BAND_PSF

Each extension keeps the header of the stamp, with its world coordinates: bands of one
galaxy may lie on different grids, so that one cube could not say where its pixels are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ....cutouts.stamp_file import to_cards
from ..contents.plain_columns import to_arrays
from ..contents.stamp_bytes import read_hdus
from ..contents.stems import galaxy_stems
from ..kind import ExportFormat, ExportPiece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ....cutouts.stamp_file import Card
    from ..selection.selection import Selection

__all__ = ["FORMAT"]

#: Galaxies in a folder.
_FOLDER = 1000

#: Characters of an identifier that one card holds.
_LONGEST_ID = 60


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give folders of a thousand files each, then the table."""
    stems = galaxy_stems(selection)
    rows = np.flatnonzero(np.asarray(stems.is_valid()))
    for start in range(0, len(rows), _FOLDER):
        some = rows[start : start + _FOLDER]
        write = partial(_write_folder, selection, stems, some)
        name = f"stamps/{start // _FOLDER:04d}"
        yield ExportPiece(name, write, rows=len(some))
    files = _paths(stems, rows)
    yield ExportPiece("galaxies.fits", partial(_write_table, selection, files))


def _loading(selection: Selection) -> str:
    """Open the file of the first galaxy."""
    first = galaxy_stems(selection).drop_null()[0]
    return (
        f"from astropy.io import fits; hdus = fits.open('DIR/stamps/0000/{first}.fits')"
    )


FORMAT = ExportFormat(
    name="fits-cube",
    title="a FITS file for each galaxy",
    big_endian=True,
    pieces=_pieces,
    loading=_loading,
)


def _paths(stems: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    """Give the file of each galaxy, relative to the export; null without stamps."""
    paths: list[str | None] = [None] * len(stems)
    for place, (row, stem) in enumerate(
        zip(rows, stems.drop_null().to_pylist(), strict=True)
    ):
        paths[row] = f"stamps/{place // _FOLDER:04d}/{stem}.fits"
    return pa.array(paths, pa.string())


def _write_folder(
    selection: Selection,
    stems: pa.Array,
    rows: NDArray[np.int64],
    path: Path,
    _root: Path,
) -> None:
    path.mkdir()
    names = stems.take(pa.array(rows)).to_pylist()
    ids = selection.galaxies["object_id"].take(pa.array(rows)).to_pylist()
    bands = [
        (axis.name.upper(), survey.root, files.to_pylist())
        for survey in selection.surveys
        for axis, files in zip(survey.axes, survey.files_of(rows), strict=True)
    ]
    for place, (name, one) in enumerate(zip(names, ids, strict=True)):
        hdus = [_primary(one)]
        for band, root, files in bands:
            if files[place]:
                hdus += _extensions(root / files[place], band)
        (path / f"{name}.fits").write_bytes(b"".join(hdus))


def _primary(name: str) -> bytes:
    """Give a primary HDU without data."""
    cards: list[Card] = [
        ("SIMPLE", True, "FITS file"),
        ("BITPIX", 8, "no data here"),
        ("NAXIS", 0, "no data here"),
        ("EXTEND", True, "the stamps are extensions"),
        ("OBJECT", name[:_LONGEST_ID], "object_id in galaxies.fits"),
    ]
    header = to_cards(cards) + b"END".ljust(80)
    return header.ljust(2880)


def _extensions(stamp: Path, band: str) -> Iterator[bytes]:
    for hdu in read_hdus(stamp):
        plane = hdu.value("EXTNAME") if hdu.value("XTENSION") else ""
        yield hdu.as_extension(f"{band}_{plane}" if plane else band)


def _write_table(
    selection: Selection, files: pa.Array, path: Path, _root: Path
) -> None:
    from astropy.io import fits
    from astropy.table import Table

    columns = to_arrays(selection.galaxies.add_column(2, "file", files))
    table = Table({name: _to_ascii(values) for name, values in columns.items()})
    hdu = fits.table_to_hdu(table)
    hdu.name = "GALAXIES"
    # A file object: the temporary name of the piece does not end with .fits.
    with path.open("wb") as file:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)


def _to_ascii(values: NDArray[Any]) -> NDArray[Any]:
    """Give texts in ASCII, the only characters that FITS allows."""
    if values.dtype != object:
        return values
    texts = [text.encode("ascii", "replace") for text in values]
    # A column needs a width, also if all its texts are empty.
    return np.array(texts, "S") if any(texts) else np.array(texts, "S1")

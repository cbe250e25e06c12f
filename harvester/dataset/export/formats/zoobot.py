"""Image files and a catalogue of them, as Zoobot and galaxy-datasets read them.

::

    SURVEY/catalog.parquet, or SURVEY/train_catalog.parquet ... for each split
    SURVEY/images/0000/STEM.jpg

With ``--images fits`` there is a folder ``SURVEY_BAND`` for each band, because these
loaders take one image a file, from its primary HDU.

The catalogue has ``id_str`` (distinct), ``file_loc`` (absolute, because the loaders
read it relative to the working directory) and all other columns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..contents.galaxy_pictures import GalaxyPictures
from ..contents.pictures import to_jpg
from ..contents.sets import ALL, by_set
from ..contents.stamp_bytes import primary_hdu
from ..contents.stems import galaxy_stems
from ..kind import ExportFormat, ExportPiece
from ..pieces import final_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..selection.selection import Selection
    from ..selection.survey_stamps import SurveyStamps

__all__ = ["FORMAT"]

#: Images in a folder.
_FOLDER = 1000


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the folders of images, then the catalogues."""
    for folder in _folders(selection):
        images = folder.images
        for start in range(0, len(images.places), _FOLDER):
            some = slice(start, start + _FOLDER)
            write = partial(images.write, images.places[some], images.names[some])
            name = f"{folder.name}/images/{start // _FOLDER:04d}"
            yield ExportPiece(name, write, rows=len(images.names[some]))
        yield from _catalogues(selection, folder)


def _loading(selection: Selection) -> str:
    """Read the catalogue with the most images."""
    folder = max(_folders(selection), key=lambda one: len(one.images.names)).name
    name = "train_catalog.parquet" if selection.splits else "catalog.parquet"
    return f"import pandas as pd; catalog = pd.read_parquet('DIR/{folder}/{name}')"


FORMAT = ExportFormat(
    name="zoobot",
    title="images and a catalogue for Zoobot",
    paths_are_absolute=True,
    image_types=("jpg", "fits"),
    pieces=_pieces,
    loading=_loading,
)


class _Images(NamedTuple):
    """The images of one folder of the export."""

    #: Places in the rows of the survey, and the name of the image of each.
    places: NDArray[np.int64]
    names: tuple[str, ...]
    #: Writes the images of some places into a folder.
    write: Callable[[NDArray[np.int64], Sequence[str], Path, Path], None]


class _ImageFolder(NamedTuple):
    """A folder with a catalogue."""

    name: str
    survey: SurveyStamps
    images: _Images


def _folders(selection: Selection) -> Iterator[_ImageFolder]:
    stems = galaxy_stems(selection)
    for survey in selection.surveys:
        of_survey = stems.take(pa.array(survey.rows)).to_pylist()
        if selection.options.images == "fits":
            for band, axis in enumerate(survey.axes):
                places = np.flatnonzero(np.asarray(survey.files[band].is_valid()))
                write = partial(_write_fits, survey, band)
                names = tuple(f"{of_survey[place]}.fits" for place in places)
                images = _Images(places, names, write)
                yield _ImageFolder(axis.name, survey, images)
        else:
            places = np.arange(len(survey))
            names = tuple(f"{stem}.jpg" for stem in of_survey)
            images = _Images(
                places,
                names,
                partial(_write_jpg, survey, GalaxyPictures(selection, survey)),
            )
            yield _ImageFolder(survey.name, survey, images)


def _write_jpg(
    survey: SurveyStamps,
    drawing: GalaxyPictures,
    places: NDArray[np.int64],
    names: Sequence[str],
    path: Path,
    _root: Path,
) -> None:
    path.mkdir()
    for part, stamps in survey.batches(places=places):
        pictures = drawing.draw(stamps.flux, survey.rows[places[part]])
        for name, picture in zip(names[part], pictures, strict=True):
            (path / name).write_bytes(to_jpg(picture))


def _write_fits(
    survey: SurveyStamps,
    band: int,
    places: NDArray[np.int64],
    names: Sequence[str],
    path: Path,
    _root: Path,
) -> None:
    path.mkdir()
    files = survey.files[band].take(places).to_pylist()
    for name, file in zip(names, files, strict=True):
        (path / name).write_bytes(primary_hdu(survey.root / file))


def _catalogues(selection: Selection, folder: _ImageFolder) -> Iterator[ExportPiece]:
    split = None
    if selection.splits:
        rows = folder.survey.rows[folder.images.places]
        split = np.array(selection.galaxies["split"].take(rows).to_pylist(), object)
    for name, members in by_set(split, len(folder.images.places)):
        file = "catalog.parquet" if name == ALL else f"{name}_catalog.parquet"
        write = partial(_write_catalogue, selection, folder, members)
        yield ExportPiece(f"{folder.name}/{file}", write)


def _write_catalogue(
    selection: Selection,
    folder: _ImageFolder,
    members: NDArray[np.int64],
    path: Path,
    root: Path,
) -> None:
    table = selection.of_survey(folder.survey).take(folder.images.places[members])
    images = final_folder(root) / folder.name / "images"
    files = [
        str(images / f"{place // _FOLDER:04d}" / folder.images.names[place])
        for place in members
    ]
    # The loaders need distinct identifiers in this column.
    ids = table["object_id"].cast(pa.string())
    table = table.set_column(table.column_names.index("id_str"), "id_str", ids)
    pq.write_table(table.add_column(2, "file_loc", pa.array(files)), path)

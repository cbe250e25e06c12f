"""A HATS collection, which is a Hugging Face data set as well.

::

    collection.properties  images_SURVEY.properties  README.md
    core/         every galaxy: identifier, position, states, labels
    core_margin/  those near the edge of a partition;  core_index/  by identifier
    SURVEY/       galaxies with stamps: pixels as tensors, and what is said of them

    TABLE/hats.properties  TABLE/partition_info.csv  TABLE/point_map.fits
    TABLE/dataset/Norder=K/Dir=D/Npix=N.parquet   with splits: .../Npix=N/train.parquet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...kind import ExportFormat
from .card_head import card_head
from .collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...kind import ExportPiece
    from ...selection.selection import Selection

__all__ = ["FORMAT"]


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the files of all tables, and what makes them a collection."""
    return Collection(selection).pieces()


def _loading(selection: Selection) -> str:
    """Load the survey with the most galaxies with the library of Hugging Face."""
    survey = selection.fullest.name
    return (
        "from datasets import load_dataset; "
        f"galaxies = load_dataset('DIR', '{survey}', split='train')"
    )


def _card_head(selection: Selection) -> str:
    """Declare each table as a config of the Hugging Face data set."""
    return card_head(Collection(selection).tables, selection.splits)


FORMAT = ExportFormat(
    name="hats",
    title="HATS collection for LSDB, and Hugging Face data set (Parquet)",
    pieces=_pieces,
    loading=_loading,
    card_head=_card_head,
)

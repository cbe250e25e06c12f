"""What the registration of an aligned data set did, counted by band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from .counts import BandCoverage

__all__ = ["BandMoves", "band_moves"]


@dataclass(frozen=True, slots=True)
class BandMoves:
    """What registration did in a band of a survey."""

    survey: str
    band: str
    #: Stamps by the word in the column ``registered``.
    words: dict[str, int]
    #: Median and largest move, pixels of the stamps as they were cut; None without.
    moves: tuple[float, float] | None


def band_moves(
    manifest: pa.Table, bands: Sequence[BandCoverage]
) -> tuple[BandMoves, ...]:
    """Count the moves of each band; nothing if the stamps were not registered."""
    if "registered" not in manifest.column_names:
        return ()
    told = manifest.filter(
        pc.and_(pc.is_valid(manifest["file_loc"]), pc.is_valid(manifest["registered"]))
    )
    return tuple(_moves(told, one) for one in bands) if told.num_rows else ()


def _moves(stamps: pa.Table, band: BandCoverage) -> BandMoves:
    is_of_band = pc.and_(
        pc.equal(stamps["survey"], band.survey), pc.equal(stamps["band"], band.band)
    )
    rows = stamps.filter(is_of_band)
    words = {
        one["values"]: one["counts"]
        for one in rows["registered"].value_counts().to_pylist()
    }
    steps = [np.asarray(rows[name].drop_null()) for name in ("moved_x", "moved_y")]
    length = np.hypot(*steps)
    ends = (float(np.median(length)), float(length.max())) if len(length) else None
    return BandMoves(band.survey, band.band, words, ends)

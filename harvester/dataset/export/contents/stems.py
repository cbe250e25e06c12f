"""Names for the files of galaxies: those of their stamps, which any disk takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from ..selection.selection import Selection

__all__ = ["galaxy_stems"]


def galaxy_stems(selection: Selection) -> pa.Array:
    """Give the stem for each galaxy, distinct; null if it has no stamp."""
    rows = selection.galaxies.num_rows
    files = [
        one
        for survey in selection.surveys
        for one in survey.files_of(pa.array(range(rows), pa.int64()).to_numpy())
    ]
    # Of "cutouts/.../STEM@2.fits" only the stem is the same in all bands.
    return pc.replace_substring_regex(
        pc.coalesce(*files), r".*/([^/]*?)(@[0-9]+)?\.fits$", r"\1"
    )

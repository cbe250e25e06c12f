"""A map of how many rows of a table are where: ``point_map.fits``.

Readers find from it which partitions a search on the sky concerns, and draw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...selection.healpix import parent_cell

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MAP_ORDER", "write_sky_map"]

#: Order of the cells that are counted: 27 arcmin. Readers hold the map of the whole sky
#: in memory, 200,000 numbers.
MAP_ORDER = 7


def write_sky_map(path: Path, finest: NDArray[np.int64]) -> None:
    """Write the counts of the cells that have rows, as an explicit HEALPix map.

    Parameters
    ----------
    finest
        The cell of order 29 of each row.
    """
    from astropy.io import fits

    pixels, counts = np.unique(parent_cell(finest, MAP_ORDER), return_counts=True)
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("PIXEL", "K", array=pixels),
            fits.Column("VALUE", "K", array=counts),
        ]
    )
    table.header["PIXTYPE"] = "HEALPIX"
    table.header["INDXSCHM"] = "EXPLICIT"
    table.header["ORDERING"] = "NESTED"
    table.header["COORDSYS"] = ("C", "ICRS")
    table.header["NSIDE"] = 2**MAP_ORDER
    table.header["OBS_NPIX"] = len(pixels)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)

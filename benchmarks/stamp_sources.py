"""Stamps of 40 x 40 pixels out of whole images: painted, and of the archives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from made_run import BANDS, SIDE

from harvester.sandbox.paint_sdss import sdss_frame
from harvester.sandbox.sky import Sky

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: Images smaller than this along a side give no stamps.
_SMALLEST = 100


def painted() -> list[NDArray[np.float32]]:
    """Give the stamps of a frame that the sandbox paints, for each band."""
    sky = Sky.make(1, targets=5, per_field=5, hst_images=False)
    field = next(iter(sky.fields))
    images = (fits.open(io.BytesIO(sdss_frame(sky, field, b))) for b in BANDS)
    return [_cut(hdus[0].data) for hdus in images]


def real_sdss(folder: Path, pattern: str = "frame-*.bz2") -> NDArray[np.float32]:
    """Give the stamps of SDSS frames in a folder."""
    return _stamps(folder, pattern)


def real_hst(folder: Path) -> NDArray[np.float32]:
    """Give the stamps of the drizzled images of HST in a folder."""
    return _stamps(folder, "*_f105w.fits.gz")


def _stamps(folder: Path, pattern: str) -> NDArray[np.float32]:
    paths = sorted(folder.glob(pattern))
    return np.concatenate([_cut(image) for path in paths for image in _images(path)])


def _images(path: Path) -> Iterator[NDArray[np.float32]]:
    """Give the first image of a file, if it is large enough."""
    with fits.open(path) as hdus:
        for hdu in hdus:
            if hdu.is_image and hdu.data is not None and hdu.data.ndim == len("yx"):
                if min(hdu.data.shape) >= _SMALLEST:
                    yield hdu.data
                return


def _cut(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide an image into stamps ``(n, 40, 40)``."""
    height, width = (side // SIDE * SIDE for side in image.shape)
    tiles = image[:height, :width].reshape(height // SIDE, SIDE, width // SIDE, SIDE)
    stamps = tiles.swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    return np.ascontiguousarray(stamps, np.float32)

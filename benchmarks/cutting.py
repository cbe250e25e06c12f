"""Cutting alone: stamps out of one frame that is in memory."""

from __future__ import annotations

import bz2
import importlib.util
import io
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS, FITSFixedWarning

from harvester.cutouts import cutouts
from harvester.cutouts.astrometry import read_astrometry
from harvester.cutouts.frame_file import open_frame
from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harvester.cutouts.frame_file import Frame

#: Pixels a side, and stamps.
SIDE = 40
STAMPS = 1000


def cutting_rounds(frame: bytes, count: int) -> dict[str, Any]:
    """Cut the same galaxies by turns; give seconds by contestant and the agreement.

    Both have the pixels in memory and the WCS made before their time begins.

    Parameters
    ----------
    frame
        A frame of SDSS as it is served, bz2.
    """
    warnings.simplefilter("ignore", FITSFixedWarning)
    seconds: dict[str, list[float]] = {"harvester": [], "Cutout2D loop": []}
    with ExitStack() as exits:
        path = Path(exits.enter_context(tempfile.TemporaryDirectory())) / "frame.bz2"
        path.write_bytes(frame)
        hdus = exits.enter_context(fits.open(io.BytesIO(bz2.decompress(frame))))
        pixels, wcs = hdus[0].data.astype("=f4"), WCS(hdus[0].header)
        ra, dec = _scatter(wcs, pixels.shape)
        ours = _Ours(exits.enter_context(open_frame(path)), _job(path, ra, dec))
        for _ in range(count):
            began = time.perf_counter()
            cut = ours.cut()
            middle = time.perf_counter()
            by_astropy = _cutout2d(pixels, wcs, ra, dec)
            seconds["harvester"].append(middle - began)
            seconds["Cutout2D loop"].append(time.perf_counter() - middle)
    return {
        "stamps": STAMPS,
        "seconds": seconds,
        "identical": sum(map(_is_same, cut, by_astropy)),
        "not installed": [
            name
            for name in ("astrocut", "cutana")
            if importlib.util.find_spec(name) is None
        ],
    }


def _scatter(
    wcs: WCS, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Some lie at an edge: their stamps are padded.
    rng = np.random.default_rng(1)
    x = rng.uniform(1, shape[1] - 2, STAMPS)
    y = rng.uniform(1, shape[0] - 2, STAMPS)
    ra, dec = wcs.all_pix2world(x, y, 0)
    return ra, dec


def _job(path: Path, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> FrameJob:
    places = enumerate(zip(ra.tolist(), dec.tolist(), strict=True))
    return FrameJob(
        Product("sdss", path.name, "r", ""),
        str(path),
        str(path.parent),
        tuple(Wanted(n, str(n), *place, file_loc="") for n, place in places),
        CutoutSpec(StampSize.parse(f"{SIDE}px"), "partial"),
    )


class _Ours:
    """What a process of the pool does between opening a frame and writing files."""

    def __init__(self, frame: Frame, job: FrameJob) -> None:
        image = cutouts._find_image(frame, "sdss")  # noqa: SLF001 - a part of cut_frame
        self._job = job
        self._shape = image.shape
        self._sky = read_astrometry(image.hdu.header())
        self._pixels = cutouts._Pixels(frame, image, image.shape[0])  # noqa: SLF001 - as above

    def cut(self) -> list[NDArray[np.float32]]:
        boxes = cutouts._place(self._job, self._sky, self._shape)  # noqa: SLF001 - as above
        return [self._pixels.cut(box, "partial").data for box in boxes if box]


def _cutout2d(
    image: NDArray[np.float32],
    wcs: WCS,
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
) -> list[NDArray[np.float32]]:
    size = (SIDE, SIDE)
    positions = (SkyCoord(*place, unit="deg") for place in zip(ra, dec, strict=True))
    return [
        Cutout2D(image, position, size, wcs, mode="partial").data
        for position in positions
    ]


def _is_same(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    return np.array_equal(ours, theirs, equal_nan=True)

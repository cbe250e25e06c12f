"""The speed of cutting: stamps from one frame, in memory or in a file.

Two groups are compared. In one, pixels and WCS are in memory before the clock starts.
In the other, contestants get the path of an uncompressed FITS file. All end with stamps
in memory.
"""

from __future__ import annotations

import bz2
import importlib.util
import tempfile
import time
import warnings
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS, FITSFixedWarning
from turns import turns

from harvester.cutouts import cutouts
from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.float64]
    #: Cuts all galaxies, in order.
    Cut = Callable[[], Sequence[NDArray[np.float32]]]

#: Pixels a side, and stamps.
SIDE = 40
STAMPS = 1000

#: HDUs of a frame of SDSS, and columns and rows of its image.
_HDUS, _FRAME_SIZE = 4, (2048, 1489)

#: Number of stamps for contestants that open the file for each stamp.
_FEW = 20


def cutting_rounds(frame: bytes, count: int) -> dict[str, Any]:
    """Let all cut the same galaxies in turn; give seconds a stamp by contestant.

    ``identical`` counts the stamps that are pixel for pixel those of Cutout2D.

    Parameters
    ----------
    frame
        A frame of SDSS as it is served, bz2.
    """
    warnings.simplefilter("ignore", FITSFixedWarning)
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        contestants = _contestants(frame, folder, exits)
        results = {name: cut() for name, cut in contestants.items()}
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for order in turns(contestants, count):
            for name in order:
                began = time.perf_counter()
                results[name] = contestants[name]()
                took = time.perf_counter() - began
                seconds[name].append(took / len(results[name]))
    expected = results["Cutout2D loop"]
    return {
        "what": described(frame),
        "stamps": {name: len(each) for name, each in results.items()},
        "seconds": seconds,
        "identical": {
            name: sum(map(_is_same, expected, each)) for name, each in results.items()
        },
        "not installed": [
            name
            for name in ("cutana", "astrocut")
            if not importlib.util.find_spec(name)
        ],
    }


def described(frame: bytes) -> str:
    """Name the field of an SDSS frame; empty if the file is not as it was served."""
    with fits.open(BytesIO(bz2.decompress(frame))) as hdus:
        header, count = hdus[0].header, len(hdus)
    keys = ("RUN", "CAMCOL", "FRAME", "FILTER", "RERUN")
    # A processed frame lacks the HDUs of sky and calibration, or has another size.
    size = header["NAXIS1"], header["NAXIS2"]
    if not set(keys) <= set(header) or count != _HDUS or size != _FRAME_SIZE:
        return ""
    run, camcol, field, band, rerun = (str(header[key]).strip() for key in keys)
    return f"run {run}, camcol {camcol}, frame {field}, band {band}, rerun {rerun}"


def _contestants(frame: bytes, folder: Path, exits: ExitStack) -> dict[str, Cut]:
    packed, plain = folder / "frame.fits.bz2", folder / "frame.fits"
    packed.write_bytes(frame)
    plain.write_bytes(bz2.decompress(frame))
    with fits.open(plain) as hdus:
        pixels, wcs = hdus[0].data.astype("=f4"), WCS(hdus[0].header)
    ra, dec = _scatter(wcs, pixels.shape)
    ours = _Ours(_job(packed, ra, dec), exits)
    # Make the lists of galaxies before the clock starts.
    job = _job(plain, ra, dec)
    contestants: dict[str, Cut] = {
        "harvester": ours.cut,
        "Cutout2D loop": lambda: _cutout2d(pixels, wcs, ra, dec),
        "harvester, from a file": lambda: _from_file(job),
        "Cutout2D loop, from a file": lambda: _cutout2d_from(plain, ra, dec),
    }
    if importlib.util.find_spec("cutana"):
        contestants["cutana's inner function"] = _cutana(pixels, wcs, ra, dec)
        contestants["cutana's public call, from a file"] = _cutana_direct(
            plain, ra, dec
        )
    if importlib.util.find_spec("astrocut"):
        contestants["astrocut, from a file"] = _astrocut(plain, ra, dec)
    return contestants


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
    """What a worker process does between opening a frame and writing files."""

    def __init__(self, job: FrameJob, files: ExitStack) -> None:
        self._parent = cutouts._open_parent(files, job.product, job, job.spec)  # noqa: SLF001 - a part of cut_frame
        self._job = job
        frame, image, *_ = self._parent
        frame.prove(image.hdu, image.shape[0])

    def cut(self) -> list[NDArray[np.float32]]:
        job, (_, image, sky, _) = self._job, self._parent
        boxes = cutouts._place(job.wanted, job.spec, sky, image.shape)  # noqa: SLF001 - as above
        stamps = self._parent.pixels(boxes).stamps(job.spec.mode)
        found = {stamp.place.number: stamp.planes.flux for stamp in stamps}
        return [found[number] for number in range(len(found))]


def _from_file(job: FrameJob) -> list[NDArray[np.float32]]:
    with ExitStack() as files:
        return _Ours(job, files).cut()


def _cutana(pixels: NDArray[np.float32], wcs: WCS, ra: Places, dec: Places) -> Cut:
    from cutana.cutout_extraction import (  # only where installed
        extract_cutouts_vectorized_from_extension,
    )

    hdu, sizes = fits.ImageHDU(pixels), np.full(len(ra), SIDE)

    def cut() -> Sequence[NDArray[np.float32]]:
        found = extract_cutouts_vectorized_from_extension(hdu, wcs, ra, dec, sizes)
        stamps: Sequence[NDArray[np.float32]] = found[0]
        return stamps

    return cut


def _cutana_direct(path: Path, ra: Places, dec: Places) -> Cut:
    import pandas as pd  # where cutana is, it is
    from cutana import create_cutouts_direct, get_default_config

    config = get_default_config()
    config.do_only_cutout_extraction, config.apply_flux_conversion = True, False
    config.console_log_level = config.log_level = "ERROR"
    config.fits_extensions = config.selected_extensions = ["PRIMARY"]
    config.channel_weights = {"PRIMARY": [1.0]}
    config.target_resolution = SIDE
    galaxies = pd.DataFrame(
        {
            "SourceID": [str(number) for number in range(len(ra))],
            "RA": ra,
            "Dec": dec,
            "diameter_pixel": SIDE,
            "fits_file_paths": str([str(path)]),
        }
    )

    def cut() -> Sequence[NDArray[np.float32]]:
        (found,) = create_cutouts_direct(galaxies, config, log_set_progress=False)
        return [stamp[..., 0] for stamp in found["cutouts"]]

    return cut


def _astrocut(path: Path, ra: Places, dec: Places) -> Cut:
    from astrocut import FITSCutout  # only where it is installed

    def cut() -> Sequence[NDArray[np.float32]]:
        return [
            FITSCutout([str(path)], SkyCoord(*place, unit="deg"), SIDE)
            .fits_cutouts[0][1]
            .data
            for place in zip(ra[:_FEW], dec[:_FEW], strict=True)
        ]

    return cut


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


def _cutout2d_from(path: Path, ra: Places, dec: Places) -> list[NDArray[np.float32]]:
    with fits.open(path) as hdus:
        return _cutout2d(hdus[0].data, WCS(hdus[0].header), ra, dec)


def _is_same(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    return np.array_equal(ours, theirs, equal_nan=True)

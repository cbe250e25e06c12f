"""Pixels around targets, out of a frame: what a task of the process pool does.

Runs in a worker process: no event loop, nothing is logged; what happened comes back
as receipts or as an error. A frame is opened once for all of its galaxies, their
pixels are found in one go, and no more of it is unpacked than they need.

A stamp is placed where `astropy.nddata.Cutout2D` places it, for even sizes too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models import Cut, Receipt
from .astrometry import BadWcsError, read_astrometry
from .frame_file import BadFrameError, end_of_rows, open_frame
from .stamp_file import StampFolder, to_fits
from .stamp_header import StampHeader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..models import CutoutSpec, FrameJob, Mode, Wanted
    from .astrometry import Astrometry
    from .frame_file import Frame, Hdu

__all__ = ["NeededPixels", "cut_frame", "find_end", "find_pixels"]

#: Pixels; farther off than any image is wide, where the WCS knows no place at all.
_NOWHERE = -(2**30)


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a stamp lies in the image, in pixels; it may stick out."""

    row: int
    column: int
    side: int

    def within(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Give the part that is in an image of this shape."""
        return (
            slice(max(0, self.row), min(shape[0], self.row + self.side)),
            slice(max(0, self.column), min(shape[1], self.column + self.side)),
        )


@dataclass(frozen=True, slots=True)
class NeededPixels:
    """The pixels of a frame that stamps are made of."""

    #: The image, and its weights if there are any; of the same shape.
    planes: tuple[Hdu, ...]
    #: Rows and columns, the same in each plane.
    boxes: tuple[tuple[slice, slice], ...]


@dataclass(frozen=True, slots=True)
class _Stamp:
    #: ``(ny, nx)`` float32 in the unit of the frame, NaN where there is no value.
    data: NDArray[np.float32]
    #: Row and column of the frame where its first pixel lies.
    origin: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Image:
    """The image of a frame that stamps are cut from."""

    hdu: Hdu
    #: Drizzle's weights, of the same shape; 0 where no exposure has seen the sky.
    weights: Hdu | None
    #: The image's own header first, then the primary one: ``values[keyword]``.
    headers: tuple[Mapping[str, str], ...]

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.hdu.shape
        return height, width

    def text(self, keyword: str) -> str:
        """Look a card up in both headers; empty where there is none."""
        found = (header.get(keyword, "") for header in self.headers)
        return next(filter(None, found), "")


def cut_frame(job: FrameJob) -> Cut:
    """Cut every stamp that is wanted of a frame, and write it to disk.

    Returns
    -------
    Cut
        One receipt for each of ``job.wanted``, in the same order. What has no
        problem is on disk for good, folders included.

    Raises
    ------
    CorruptFrameError
        The frame is damaged; fetched again, it may be whole.
    BadFrameError, BadWcsError
        No stamp can be cut from this frame, ever.
    LocalError
        The disk does not take the stamps, or not give the frame.
    """
    with open_frame(Path(job.path), is_whole=job.is_whole) as frame:
        image = _find_image(frame, job.product.archive)
        try:
            sky = read_astrometry(image.hdu.header())
        except BadWcsError as error:
            msg = f"frame {job.product.name}: {error}"
            raise BadWcsError(msg) from error
        boxes = _place(job.wanted, job.spec, sky, image.shape)
        cutter = _Cutter(
            _Pixels(frame, image, _last_row(boxes, image.shape)),
            StampHeader(job.product, image.text, sky),
            job.spec.mode,
        )
        with StampFolder(Path(job.root)) as folder:
            receipts = [
                cutter.cut(wanted, box, folder)
                for wanted, box in zip(job.wanted, boxes, strict=True)
            ]
        return Cut(receipts, frame.read or _count_bytes(frame, image, boxes))


def find_pixels(
    frame: Frame, archive: str, wanted: Sequence[Wanted], spec: CutoutSpec
) -> NeededPixels:
    """Find the pixels that `cut_frame` will use; only headers are read.

    Both go through the same functions, so that who fetches these pixels and no
    others can be sure that none lacks.

    Raises
    ------
    CorruptFrameError, BadFrameError, BadWcsError
        As `cut_frame`.
    """
    image = _find_image(frame, archive)
    sky = read_astrometry(image.hdu.header())
    boxes = _place(wanted, spec, sky, image.shape)
    return NeededPixels(
        planes=tuple(filter(None, (image.hdu, image.weights))),
        boxes=tuple(box.within(image.shape) for box in boxes if box),
    )


def find_end(
    frame: Frame, archive: str, wanted: Sequence[Wanted], spec: CutoutSpec
) -> int:
    """Find where the rows that `cut_frame` will use end, in bytes of the FITS file.

    Raises
    ------
    CorruptFrameError, BadFrameError, BadWcsError
        As `cut_frame`.
    """
    image = _find_image(frame, archive)
    sky = read_astrometry(image.hdu.header())
    boxes = _place(wanted, spec, sky, image.shape)
    return end_of_rows(image.hdu, _last_row(boxes, image.shape))


def _find_image(frame: Frame, archive: str) -> _Image:
    """Find the science image: the primary one for SDSS, else the one named SCI."""
    hdus = frame.hdus()
    primary = next(hdus)
    if archive == "sdss":
        return _check_image(_Image(primary, None, (primary.values,)))
    every = [primary, *hdus]
    hdu = min(every, key=_science_rank)  # the first of the best
    weights = (
        other for other in every if other.name == "WHT" and other.shape == hdu.shape
    )
    found = _Image(hdu, next(weights, None), (hdu.values, primary.values))
    return _check_image(found)


def _science_rank(hdu: Hdu) -> int:
    """Order HDUs: SCI, an image that knows its place on the sky, an image, others."""
    if not hdu.is_image:
        return 3
    if hdu.name == "SCI":
        return 0
    return 1 if "CTYPE1" in hdu.values else 2


def _check_image(image: _Image) -> _Image:
    if not image.hdu.is_image:
        msg = f"it has no image, but axes {image.hdu.shape}"
        raise BadFrameError(msg)
    return image


def _place(
    wanted: Sequence[Wanted],
    spec: CutoutSpec,
    sky: Astrometry,
    shape: tuple[int, int],
) -> list[_Box | None]:
    """Find the boxes of all targets; None for those whose own pixel is not there."""
    side = spec.size.pixels(sky.scale_arcsec)
    ra = np.array([one.ra for one in wanted])
    dec = np.array([one.dec for one in wanted])
    x, y = sky.to_pixels(ra, dec)
    rows, columns = _first_pixels(y, side), _first_pixels(x, side)
    own_rows, own_columns = _first_pixels(y, 1), _first_pixels(x, 1)
    inside = (own_rows >= 0) & (own_rows < shape[0])
    inside &= (own_columns >= 0) & (own_columns < shape[1])
    return [
        _Box(int(row), int(column), side) if is_inside else None
        for row, column, is_inside in zip(rows, columns, inside, strict=True)
    ]


def _first_pixels(centres: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    # The rounding of Cutout2D; a target exactly between two pixels has the lower.
    first = np.ceil(centres - side / 2)
    known = np.isfinite(first) & (np.abs(first) < -_NOWHERE)
    return np.where(known, first, _NOWHERE).astype(np.int64)


def _last_row(boxes: list[_Box | None], shape: tuple[int, int]) -> int:
    """Tell how many rows are needed: at least one, so that the file proves itself."""
    ends = [box.row + box.side for box in boxes if box]
    return max(1, min(shape[0], max(ends, default=1)))


def _count_bytes(frame: Frame, image: _Image, boxes: Sequence[_Box | None]) -> int:
    """Count the bytes of the headers, and of the pixels that any box holds."""
    planes = (hdu for hdu in (image.hdu, image.weights) if hdu)
    size = sum(abs(hdu.bitpix) // 8 for hdu in planes)
    return frame.header_bytes + size * _count_pixels(boxes, image.shape)


def _count_pixels(boxes: Sequence[_Box | None], shape: tuple[int, int]) -> int:
    """Count the pixels that are in any box, those in several boxes once."""
    runs = [
        np.arange(rows.start, rows.stop)[:, None] * shape[1]
        + (columns.start, columns.stop)
        for rows, columns in (box.within(shape) for box in boxes if box)
    ]
    if not runs:
        return 0
    every = np.concatenate(runs)
    begin, end = every[np.argsort(every[:, 0])].T
    # What runs before it reach counts for them.
    reached = np.maximum.accumulate(end)
    begin[1:] = np.maximum(begin[1:], reached[:-1])
    return int(np.maximum(end - begin, 0).sum())


class _Pixels:
    """The pixels of a frame before some row, as physical values."""

    def __init__(self, frame: Frame, image: _Image, rows: int) -> None:
        self._frame = frame
        self._image = image
        for hdu in filter(None, (image.hdu, image.weights)):
            frame.prove(hdu, rows)
        self._factor = _number(image.hdu, "BSCALE", 1.0)
        self._offset = _number(image.hdu, "BZERO", 0.0)
        self._blank = _number(image.hdu, "BLANK", math.nan)

    def cut(self, box: _Box, mode: Mode) -> _Stamp:
        """Cut a box; what of it is outside is NaN, or left away with ``trim``."""
        rows, columns = box.within(self._image.shape)
        found = self._values(rows, columns)
        if mode == "trim" or found.shape == (box.side, box.side):
            return _Stamp(found, (rows.start, columns.start))
        data = np.full((box.side, box.side), np.nan, dtype=np.float32)
        data[
            rows.start - box.row : rows.stop - box.row,
            columns.start - box.column : columns.stop - box.column,
        ] = found
        return _Stamp(data, (box.row, box.column))

    def _values(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        stored = self._read(self._image.hdu, rows, columns)
        is_plain = (self._factor, self._offset) == (1.0, 0.0)
        physical = stored if is_plain else stored * self._factor + self._offset
        with np.errstate(over="ignore"):  # what float32 cannot hold is no value
            values = physical.astype(np.float32)
        bad = ~np.isfinite(values)
        if stored.dtype.kind != "f":
            bad |= stored == self._blank
        if self._image.weights:
            bad |= self._read(self._image.weights, rows, columns) == 0
        values[bad] = np.nan
        return values

    def _read(self, hdu: Hdu, rows: slice, columns: slice) -> NDArray[Any]:
        return self._frame.rows(hdu, rows.start, rows.stop)[:, columns]


def _number(hdu: Hdu, keyword: str, otherwise: float) -> float:
    text = hdu.values.get(keyword)
    if text is None:
        return otherwise
    try:
        return float(text.replace("D", "E"))
    except ValueError as error:
        msg = f"its {keyword} is {text!r}, no number"
        raise BadFrameError(msg) from error


class _Cutter:
    """Makes stamps of one frame."""

    def __init__(self, pixels: _Pixels, header: StampHeader, mode: Mode) -> None:
        self._pixels = pixels
        self._header = header
        self._mode: Mode = mode

    def cut(self, wanted: Wanted, box: _Box | None, folder: StampFolder) -> Receipt:
        """Cut one stamp and write it, or say why there is none."""
        if box is None:
            return Receipt(wanted.target, problem="outside")
        stamp = self._pixels.cut(box, self._mode)
        valued = np.isfinite(stamp.data)
        if not np.any(stamp.data[valued]):
            # NaN, or zero everywhere: both are how archives fill in.
            return Receipt(wanted.target, problem="no_data")
        # Of the asked size, also when trimmed: the ragged edge shows in it.
        coverage = round(int(np.count_nonzero(valued)) / box.side**2, 6)
        own = self._header.own(wanted, stamp.origin, coverage)
        content = to_fits(stamp.data, own, self._header.common)
        written = folder.write(wanted.file_loc, content)
        return Receipt(
            target=wanted.target,
            file_loc=wanted.file_loc,
            sha256=written.sha256,
            size=written.size,
            coverage=coverage,
            shape=(stamp.data.shape[0], stamp.data.shape[1]),
        )

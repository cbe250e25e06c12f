"""Cut stamps out of a frame: the function that the worker processes run.

It has no event loop and logs nothing; it returns receipts or raises an error. A frame
is opened once for all of its galaxies, the pixels of all of them are computed together,
and no more of the frame is decompressed than they need.

A stamp has the same pixels as with `astropy.nddata.Cutout2D`, for even sizes too.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..archives.registry import kind_of
from ..models import Cut, Plane, Receipt
from .astrometry import BadWcsError, read_astrometry
from .completion import Parent, Strips, lacking
from .frame_file import BadFrameError, CorruptFrameError, end_of_rows, open_frame
from .intervals import merged
from .neighbours import CHECKED_ROWS
from .pixels import Boxes, Image
from .planes import Quality
from .stamp_facts import FrameScience
from .stamp_file import StampFolder
from .stamp_header import StampHeader
from .tiles import open_tiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..archives.reading import Reading
    from ..models import CutoutSpec, FrameJob, Neighbour, Product, Wanted
    from .astrometry import Astrometry
    from .frame_file import Frame, Hdu
    from .intervals import Span
    from .pixels import Stamp
    from .stamp_file import StampSink

__all__ = [
    "NeededPixels",
    "cut_frame",
    "cut_stamps",
    "find_end",
    "find_pixels",
    "find_rows",
]

#: Pixel coordinate, outside of every image, of targets that the WCS cannot place.
_NOWHERE = -(2**30)

#: Rows by which two frames may share more than `CHECKED_ROWS`: those rows are fetched.
_MARGIN = 64


@dataclass(frozen=True, slots=True)
class NeededPixels:
    """The pixels of a frame that the stamps need."""

    #: The image, and its weights if there are any; both have the same shape.
    planes: tuple[Hdu, ...]
    #: Rows and columns of each stamp, the same in each plane.
    boxes: tuple[tuple[slice, slice], ...]


def cut_frame(job: FrameJob) -> Cut:
    """Cut all wanted stamps of a frame, and write them to disk.

    Returns
    -------
    Cut
        As `cut_stamps`. Every stamp without a problem is synced to disk, with its
        folders.

    Raises
    ------
    HarvesterError
        As `cut_stamps`.
    """
    with StampFolder(Path(job.root)) as folder:
        return cut_stamps(job, folder)


def cut_stamps(job: FrameJob, place: StampSink) -> Cut:
    """Cut all wanted stamps of a frame, and write them to a place.

    Returns
    -------
    Cut
        One receipt for each of ``job.wanted``, in the same order.

    Raises
    ------
    CorruptFrameError
        The frame is damaged, or is not the frame that was requested: fetching it again
        may help.
    BadFrameError, BadWcsError
        Stamps can never be cut from this frame.
    LocalError
        The disk cannot store the stamps, or cannot read the frame.
    """
    reading = kind_of(job.product.archive).reading
    with ExitStack() as files:
        own = _open_parent(files, job.product, job, job.spec)
        frame, image, sky, quality = own
        boxes = _place(job.wanted, job.spec, sky, image.shape)
        _refuse_other(own, job.product, is_empty=not len(boxes.places))
        for start, stop in _rows(boxes, image.shape, job.spec):
            frame.prove(image.hdu, stop, start)
        pixels = own.pixels(boxes)
        strips = [_strips(files, own, one, boxes, job.spec) for one in job.neighbours]
        science = FrameScience.of(job, image.text, sky, reading, quality.noise)
        header = StampHeader(job.product, image.text, sky, reading, science)
        receipts = [Receipt(one.target, problem="outside") for one in job.wanted]
        for stamp in pixels.stamps(job.spec.mode):
            number = stamp.place.number
            one = job.wanted[number]
            if not np.nan_to_num(stamp.planes.flux).any():
                # Archives fill areas without data with NaN or with zeros.
                receipts[number] = Receipt(one.target, problem="no_data")
            elif job.spec.complete and (lacks := lacking(stamp, image.shape)):
                receipts[number] = Receipt(one.target, lacks=lacks)
            else:
                filled = [x.neighbour for x in strips if x.add_to(stamp)]
                receipts[number] = _keep(one, stamp, header, place, filled)
        return Cut(receipts, frame.read or _count_bytes(frame, image, boxes))


def _open_parent(
    files: ExitStack, product: Product, place: FrameJob | Neighbour, spec: CutoutSpec
) -> Parent:
    """Open a frame and read its headers; ``files`` closes it."""
    reading = kind_of(product.archive).reading
    opened = open_tiled if reading.may_be_tiled else open_frame
    path = Path(place.path)
    frame = files.enter_context(opened(path, is_whole=place.is_whole, held=place.held))
    image = _find_image(frame, reading, spec)
    try:
        sky = read_astrometry(image.hdu.header())
    except BadWcsError as error:
        msg = f"frame {product.name}: {error}"
        raise BadWcsError(msg) from error
    return Parent(frame, image, sky, _quality(frame, image, reading, spec))


def _refuse_other(parent: Parent, product: Product, *, is_empty: bool) -> None:
    """Refuse a frame whose header describes another one.

    The cache of the archive may have confused files. Pixels of another band would look
    like a good stamp; another field would not cover the galaxy.

    Raises
    ------
    CorruptFrameError
        It is not the frame that was requested.
    """
    reading = kind_of(product.archive).reading
    if other := reading.other_frame(product, parent.image.text, is_empty=is_empty):
        msg = f"its header belongs to {other}"
        raise CorruptFrameError(msg)


def _strips(
    files: ExitStack,
    own: Parent,
    neighbour: Neighbour,
    boxes: Boxes,
    spec: CutoutSpec,
) -> Strips:
    """Cut what a neighbour adds to the stamps of a frame."""
    other = _open_parent(files, neighbour.product, neighbour, spec)
    _refuse_other(other, neighbour.product, is_empty=False)
    return Strips.of(own, other, neighbour, boxes)


def find_pixels(
    frame: Frame, archive: str, wanted: Sequence[Wanted], spec: CutoutSpec
) -> NeededPixels:
    """Find the pixels that `cut_frame` will use; only headers are read.

    `cut_frame` uses the same functions, so a file with only these pixels has every
    pixel that it needs.

    Raises
    ------
    CorruptFrameError, BadFrameError, BadWcsError
        As `cut_frame`.
    """
    image = _find_image(frame, kind_of(archive).reading, spec)
    sky = read_astrometry(image.hdu.header())
    boxes = _place(wanted, spec, sky, image.shape)
    return NeededPixels(
        planes=image.planes,
        boxes=tuple(boxes.within(image.shape)),
    )


def find_end(
    frame: Frame, archive: str, wanted: Sequence[Wanted], spec: CutoutSpec
) -> int:
    """Return the end of the rows that `cut_frame` will use, in bytes of the FITS file.

    The frame may be that of the stamps, or the one behind it that completes them.

    Raises
    ------
    CorruptFrameError, BadFrameError, BadWcsError
        As `cut_frame`.
    """
    image = _find_image(frame, kind_of(archive).reading, spec)
    sky = read_astrometry(image.hdu.header())
    boxes = _place(wanted, spec, sky, image.shape, touching=spec.complete)
    return end_of_rows(image.hdu, _last_row(boxes, image.shape, spec))


def find_rows(
    frame: Frame, archive: str, wanted: Sequence[Wanted], spec: CutoutSpec
) -> list[Span]:
    """Return where the rows lie that `cut_frame` will use, in bytes of the FITS file.

    The frame may be that of the stamps, or the one behind it that completes them.

    Raises
    ------
    CorruptFrameError, BadFrameError, BadWcsError
        As `cut_frame`.
    """
    image = _find_image(frame, kind_of(archive).reading, spec)
    sky = read_astrometry(image.hdu.header())
    boxes = _place(wanted, spec, sky, image.shape, touching=spec.complete)
    return [
        (end_of_rows(image.hdu, start), end_of_rows(image.hdu, stop))
        for start, stop in _rows(boxes, image.shape, spec)
    ]


def _rows(boxes: Boxes, shape: tuple[int, int], spec: CutoutSpec) -> list[Span]:
    """Return the rows that are read, also to compare the frame with a neighbour."""
    found, height = boxes.rows(shape), shape[0]
    before = boxes.of(boxes.first[:, 0] < 0)
    if spec.complete and len(before.places):
        found.append((0, _last_row(before, shape, spec)))
    if spec.complete and np.any(boxes.first[:, 0] + boxes.side > height):
        found.append((max(0, height - CHECKED_ROWS - _MARGIN), height))
    return merged(found)


def _last_row(boxes: Boxes, shape: tuple[int, int], spec: CutoutSpec) -> int:
    """Return the row before which all rows end that are read, at least the second."""
    last = boxes.last_row(shape)
    if spec.complete and np.any(boxes.first[:, 0] < 0):
        # The rows that two frames share are compared; and the header of one may place
        # a stamp a row away from where the other one does.
        last = min(max(last + 1, CHECKED_ROWS), shape[0])
    return max(1, last)


def _find_image(frame: Frame, reading: Reading, spec: CutoutSpec) -> Image:
    """Find the science image: the primary one, or the best of all HDUs.

    Raises
    ------
    BadFrameError
        The frame has no image of two dimensions.
    """
    hdus = frame.hdus()
    primary = next(hdus)
    if not reading.science:
        return _check_image(Image(primary, None, None, (primary.values,)))
    every = [primary, *hdus]
    hdu = min(
        every, key=partial(_science_rank, reading.science)
    )  # the first of equal rank

    def beside(name: str) -> Hdu | None:
        same = (o for o in every if o.name == name != "" and o.shape == hdu.shape)
        return next(same, None)

    errors = beside(reading.error) if Plane.IVAR in spec.planes else None
    headers = (hdu.values, primary.values)
    return _check_image(Image(hdu, beside(reading.weight), errors, headers))


def _quality(frame: Frame, image: Image, reading: Reading, spec: CutoutSpec) -> Quality:
    noise = reading.noise(frame, image.text) if Plane.IVAR in spec.planes else None
    return Quality(spec.planes, noise, reading.saturation(image.text))


def _science_rank(science: str, hdu: Hdu) -> int:
    """Rank HDUs: the named image is best, then images with a WCS, images, others."""
    if not hdu.is_image:
        return 3
    if hdu.name == science:
        return 0
    return 1 if "CTYPE1" in hdu.values else 2


def _check_image(image: Image) -> Image:
    if not image.hdu.is_image:
        msg = f"it has no image of two dimensions: its axes are {image.hdu.shape}"
        raise BadFrameError(msg)
    return image


def _place(
    wanted: Sequence[Wanted],
    spec: CutoutSpec,
    sky: Astrometry,
    shape: tuple[int, int],
    *,
    touching: bool = False,
) -> Boxes:
    """Find the boxes of the targets that are inside the image.

    With ``touching``, find all boxes that touch the image.
    """
    side = spec.size.pixels(sky.scale_arcsec)
    ra = np.array([one.ra for one in wanted])
    dec = np.array([one.dec for one in wanted])
    x, y = sky.to_pixels(ra, dec)
    centres = np.stack([y, x], axis=1)
    wide = side if touching else 1
    own = _first_pixels(centres, wide)
    places = np.flatnonzero(np.all((own > -wide) & (own < shape), axis=1))
    turned = sky.orientations(ra[places], dec[places])
    inside = centres[places]
    return Boxes(places, _first_pixels(inside, side), inside, turned, side)


def _first_pixels(centres: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    # Rounded as by Cutout2D: a target exactly between two pixels gets the lower one.
    first = np.ceil(centres - side / 2)
    known = np.isfinite(first) & (np.abs(first) < -_NOWHERE)
    return np.where(known, first, _NOWHERE).astype(np.int64)


def _keep(
    wanted: Wanted,
    stamp: Stamp,
    header: StampHeader,
    place: StampSink,
    filled: Sequence[Neighbour],
) -> Receipt:
    """Write a stamp; return its receipt."""
    flux = stamp.planes.flux
    valued = np.isfinite(flux)
    # Relative to the requested size, also if the stamp is trimmed at an edge.
    coverage = round(int(np.count_nonzero(valued)) / stamp.side**2, 6)
    facts = header.science.facts(stamp, filled)
    written = place.write(wanted.file_loc, header.file(wanted, stamp, coverage, facts))
    return Receipt(
        target=wanted.target,
        file_loc=wanted.file_loc,
        sha256=written.sha256,
        size=written.size,
        coverage=coverage,
        shape=(flux.shape[0], flux.shape[1]),
        facts=facts,
    )


def _count_bytes(frame: Frame, image: Image, boxes: Boxes) -> int:
    """Count the bytes of the headers and of the pixels in any box."""
    # Bytes as stored in the file: the pixels of a tiled image are compressed.
    size = sum(hdu.size / math.prod(hdu.shape) for hdu in image.planes)
    return frame.header_bytes + round(size * _count_pixels(boxes, image.shape))


def _count_pixels(boxes: Boxes, shape: tuple[int, int]) -> int:
    """Count the pixels in any box; a pixel in several boxes counts once."""
    runs = [
        np.arange(rows.start, rows.stop)[:, None] * shape[1]
        + (columns.start, columns.stop)
        for rows, columns in boxes.within(shape)
    ]
    if not runs:
        return 0
    every = np.concatenate(runs)
    begin, end = every[np.argsort(every[:, 0])].T
    # Skip the part of a run that earlier runs have counted.
    reached = np.maximum.accumulate(end)
    begin[1:] = np.maximum(begin[1:], reached[:-1])
    return int(np.maximum(end - begin, 0).sum())

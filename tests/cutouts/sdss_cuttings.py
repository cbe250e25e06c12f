"""Stamps cut out of SDSS frames, and galaxies painted at a known place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harvester.cutouts.cutouts import cut_frame
from harvester.dataset.stamp_reader import read_stamp
from harvester.models import (
    CutoutSpec,
    FrameJob,
    Plane,
    Product,
    StampFacts,
    StampSize,
    Wanted,
)
from harvester.sandbox import paint_sdss, sersic
from harvester.sandbox.camera import seeing_of

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 40
_SPEC = CutoutSpec(StampSize.parse(f"{SIDE}px"), "partial", tuple(Plane))


class Cutting(NamedTuple):
    """A stamp with all its pixels in the frame, and where it was cut."""

    #: Number of its sky position.
    place: int
    path: Path
    flux: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    facts: StampFacts

    def distance(self):
        """Give the distance of each pixel from the target."""
        y, x = np.mgrid[:SIDE, :SIDE]
        return np.hypot(x - self.facts.x, y - self.facts.y)

    @property
    def window(self):
        """The pixels of the stamp in the frame."""
        x, y = self.facts.x0, self.facts.y0
        return slice(y, y + SIDE), slice(x, x + SIDE)


def cuttings(path, name, places, root):
    """Cut stamps at sky positions out of a frame; leave out those over an edge."""
    wanted = tuple(
        Wanted(n, str(n), ra, dec, f"{name}/s{n}.fits")
        for n, (ra, dec) in enumerate(places)
    )
    offer = Product("sdss", name, name[6], f"https://archive.example/{name}")
    for receipt in cut_frame(FrameJob(offer, str(path), str(root), wanted, _SPEC)):
        if not receipt.problem and receipt.coverage == 1:
            stored = root / receipt.file_loc
            stamp = read_stamp(stored)
            planes = stamp.flux, stamp.ivar, stamp.mask
            yield Cutting(receipt.target, stored, *planes, receipt.facts)


def fullest_fields(sky, count):
    """Give the fields with the most galaxies."""
    return sorted(sky.fields, key=lambda f: -len(sky.galaxies_in_field(f)))[:count]


def painted_blob(sky, key, band, galaxy):
    """Give a galaxy as it is painted: its place in the frame, and its profile."""
    flux = paint_sdss._nanomaggies(galaxy, band)
    seeing = seeing_of(key, band).width
    return sersic.blob_of(galaxy, sky.fields[key].tangent(band), flux, seeing)


def off_centre(flux, x, y):
    """Give the distance of the middle of the light from a place, in pixels."""
    v, u = np.indices(flux.shape)
    column, row = x, y
    for _ in range(10):
        weight = np.exp(-((u - column) ** 2 + (v - row) ** 2) / (2 * 2.5**2)) * flux
        # Twice: the window pulls the middle half of the way back.
        column += 2 * (weight * (u - column)).sum() / weight.sum()
        row += 2 * (weight * (v - row)).sum() / weight.sum()
    return np.hypot(column - x, row - y)

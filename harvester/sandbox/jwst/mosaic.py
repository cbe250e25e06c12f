"""The grid of a level-3 mosaic, and the pixels that each exposure covers.

A camera has one or two modules. Each dither shifts them by a few pixels up and to the
right, so that the outline of a module has stairs at two of its corners, as the
footprints of the real archive have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..tangent import Tangent

if TYPE_CHECKING:
    import numpy as np

    from ..regions import Polygon

__all__ = ["CAMERAS", "Input", "Mosaic", "MosaicCamera", "Size", "build"]


class Size(StrEnum):
    """How large the mosaics are; the same sky in both."""

    #: Pixels 4 to 10 times as wide as real ones: up to 45 MB a file.
    SMALL = "small"
    #: The pixels of the archive: up to 4.3 GB a file.
    REAL = "real"


class MosaicCamera(NamedTuple):
    """A camera, in pixels of its mosaics."""

    #: Degrees a pixel.
    cdelt: float
    #: Width and height of a module.
    width: int
    height: int
    #: How far the dithers go, in x and y.
    spread: tuple[int, int]
    #: Columns without data between two modules; 0: there is one module.
    gap: int
    dithers: int
    #: Detectors of each module: one, or four in two rows of two.
    detectors: tuple[tuple[str, ...], ...]
    #: How many times as wide the pixels of a small mosaic are.
    shrink: int

    def sized(self, size: Size) -> MosaicCamera:
        """Give the camera with the pixels of small mosaics, or as it is."""
        n = self.shrink if size is Size.SMALL else 1
        return self._replace(
            cdelt=self.cdelt * n,
            width=self.width // n,
            height=self.height // n,
            spread=(self.spread[0] // n, self.spread[1] // n),
            gap=self.gap // n,
        )


#: CDELT of a real F090W mosaic, degrees.
_SHORT = 8.67426636803664e-06
_A, _B = ("nrca1", "nrca2", "nrca3", "nrca4"), ("nrcb1", "nrcb2", "nrcb3", "nrcb4")
#: Channel or instrument -> camera. The short one makes arrays of 10272 x 4755 pixels.
CAMERAS = {
    "SHORT": MosaicCamera(_SHORT, 4250, 4250, (424, 505), 924, 9, (_A, _B), 10),
    "LONG": MosaicCamera(
        2 * _SHORT, 2125, 2125, (212, 252), 462, 9, (("nrcalong",), ("nrcblong",)), 8
    ),
    "MIRI": MosaicCamera(3.0812e-05, 690, 1030, (60, 60), 0, 4, (("mirimage",),), 4),
    "NIRISS": MosaicCamera(1.8202e-05, 2040, 2040, (180, 180), 0, 8, (("nis",),), 6),
}


class Input(NamedTuple):
    """One exposure of one detector, with the pixels that it covers (ends exclusive)."""

    detector: str
    #: Index of the visit in the mosaic, and of the dither in the visit.
    visit: int
    dither: int
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, slots=True)
class Mosaic:
    """The grid of a mosaic, and what was drizzled onto it."""

    nx: int
    ny: int
    #: Degrees a pixel, positive on both axes: parity and roll are in ``pc``.
    cdelt: float
    #: ``(PC1_1, PC1_2, PC2_1, PC2_2)``.
    pc: tuple[float, float, float, float]
    tangent: Tangent
    inputs: tuple[Input, ...]
    #: Outline of each module, in pixels.
    outlines: tuple[Polygon, ...]

    @property
    def layers(self) -> int:
        """Planes of the context image: 32 exposures each."""
        return -(-len(self.inputs) // 32)

    @property
    def pixar_sr(self) -> float:
        """Area of a pixel in steradian."""
        return math.radians(self.cdelt) ** 2

    @property
    def outline(self) -> Polygon:
        """Centres of the four corner pixels."""
        right, top = self.nx - 1.0, self.ny - 1.0
        return ((0.0, 0.0), (right, 0.0), (right, top), (0.0, top))

    def covers(self, x: float, y: float) -> bool:
        """Whether any exposure covers the pixel at a position."""
        col, row = round(x), round(y)
        return any(i.x0 <= col < i.x1 and i.y0 <= row < i.y1 for i in self.inputs)

    def with_margin(self, pixels: int) -> Mosaic:
        """Give the same mosaic in an array that is larger by a margin on every side."""
        at = self.tangent
        return replace(
            self,
            nx=self.nx + 2 * pixels,
            ny=self.ny + 2 * pixels,
            tangent=replace(at, x=at.x + pixels, y=at.y + pixels),
            inputs=tuple(_moved(one, pixels, pixels) for one in self.inputs),
            outlines=tuple(_shifted(one, pixels, pixels) for one in self.outlines),
        )


def build(
    rng: np.random.Generator,
    camera: MosaicCamera,
    target: tuple[float, float],
    pixel: tuple[float, float],
    *,
    visits: int = 1,
) -> Mosaic:
    """Combine visits into a mosaic with a target (ICRS degrees) on a pixel.

    A second visit is placed above the first, with a few empty rows in between.
    """
    steps = _dithers(rng, camera)
    modules = [
        _module(camera, number, visit, steps)
        for visit in range(visits)
        for number in range(len(camera.detectors))
    ]
    nx = max(x for _, outline in modules for x, _ in outline) + 0.5
    ny = max(y for _, outline in modules for _, y in outline) + 0.5
    roll = rng.uniform(0.0, math.tau)
    pc = (math.cos(roll), math.sin(roll), math.sin(roll), -math.cos(roll))
    return Mosaic(
        nx=int(nx),
        ny=int(ny),
        cdelt=camera.cdelt,
        pc=pc,
        tangent=_aim(target, pixel, ((nx - 1) / 2, (ny - 1) / 2), camera.cdelt, pc),
        inputs=tuple(one for inputs, _ in modules for one in inputs),
        outlines=tuple(outline for _, outline in modules),
    )


def _dithers(rng: np.random.Generator, camera: MosaicCamera) -> list[tuple[int, int]]:
    """Draw offsets that grow on both axes, from 0 to the whole spread."""
    inner = camera.dithers - 2
    axes = [
        [0, *sorted(rng.choice(range(1, most), inner, replace=False).tolist()), most]
        for most in camera.spread
    ]
    return list(zip(*axes, strict=True))


def _module(
    camera: MosaicCamera, number: int, visit: int, steps: list[tuple[int, int]]
) -> tuple[list[Input], Polygon]:
    """Place one module: its exposures, and the outline of all of them."""
    left = number * (camera.width + camera.spread[0] + camera.gap)
    low = visit * (camera.height + camera.spread[1] + max(1, camera.gap // 16))
    inputs = [
        _moved(one, left + dx, low + dy)
        for dither, (dx, dy) in enumerate(steps)
        for one in _detectors(camera, number, visit, dither)
    ]
    stairs = _stairs(camera.width, camera.height, steps)
    return inputs, _shifted(stairs, left, low)


def _detectors(
    camera: MosaicCamera, number: int, visit: int, dither: int
) -> list[Input]:
    """Split a module at (0, 0) among its detectors."""
    names = camera.detectors[number]
    if len(names) == 1:
        return [Input(names[0], visit, dither, 0, 0, camera.width, camera.height)]
    xs, ys = ((0, side // 2, side) for side in (camera.width, camera.height))
    return [
        Input(name, visit, dither, xs[n % 2], ys[n // 2], xs[n % 2 + 1], ys[n // 2 + 1])
        for n, name in enumerate(names)
    ]


def _stairs(width: int, height: int, steps: list[tuple[int, int]]) -> Polygon:
    """Trace the union of a rectangle's copies, counterclockwise, in pixel edges."""
    right, left = [], []
    for (x0, y0), (x1, y1) in pairwise(steps):
        right += [(x0 + width, y1), (x1 + width, y1)]
        left += [(x0, y0 + height), (x1, y0 + height)]
    (x0, y0), (x1, y1) = steps[0], steps[-1]
    corners = [
        (x0, y0),
        (x0 + width, y0),
        *right,
        (x1 + width, y1 + height),
        (x1, y1 + height),
        *reversed(left),
    ]
    return _shifted(tuple(corners), -0.5, -0.5)


def _shifted(outline: Polygon, dx: float, dy: float) -> Polygon:
    return tuple((x + dx, y + dy) for x, y in outline)


def _moved(one: Input, dx: int, dy: int) -> Input:
    return one._replace(x0=one.x0 + dx, y0=one.y0 + dy, x1=one.x1 + dx, y1=one.y1 + dy)


def _aim(
    target: tuple[float, float],
    pixel: tuple[float, float],
    middle: tuple[float, float],
    cdelt: float,
    pc: tuple[float, float, float, float],
) -> Tangent:
    """Put the reference pixel into the middle, so that the target is on its pixel."""
    a, b, c, d = (cdelt * term for term in pc)
    at = Tangent(*target, *pixel, (a, b, c, d))
    ra, dec = (round(float(value), 10) for value in at.to_sky(*middle))
    return Tangent(ra, dec, *middle, (a, b, c, d))

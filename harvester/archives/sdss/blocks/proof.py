"""Proves where unpacked bytes of an SDSS image lie, by making their pixels again.

At the true place at most 0.2 % of the pixels with few counts are not made again bit for
bit: there the sky is known too coarsely. One pixel beside it 3 % or more are not, eight
rows off 0.7 %, and in another block half of them. So one place must fit, and no other
one near it may do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...block_law import DoubtError
from .header import COLUMNS, ROWS
from .phase import first_pixel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .making import Grid, Making

__all__ = ["PixelProof"]

#: Most misfit of the true place, and least misfit of another one.
_RIGHT, _WRONG = 0.007, 0.02

#: Rows that are compared at the place that fits, and at others, which differ more.
_SAMPLE, _ROUGH = 14, 4

#: Pixels on both sides of the expected place that are tried.
_REACH = 16

_PIXEL = 4
_ROW = COLUMNS * _PIXEL


class _Sample(NamedTuple):
    """Some whole rows of the image, if the assumed place is true."""

    #: ``(n, nx)``, and the sky of these rows.
    pixels: NDArray[np.float32]
    sky: Grid

    def some(self, number: int) -> _Sample:
        """Take only some of the rows."""
        step = -(-len(self.pixels) // number)
        return _Sample(self.pixels[::step], self.sky[::step])


class PixelProof:
    """The proof of one frame.

    Parameters
    ----------
    start
        Byte of the file at which the image begins.
    """

    def __init__(self, making: Making, start: int) -> None:
        self._making = making
        self._start = start

    def check(self, place: int, unpacked: bytes) -> None:
        """Check that bytes of the image lie at a place; see `BlockProof.check`."""
        sample = self._sample(place, unpacked)
        misfit = self._making.misfit(*sample, 0)
        if not misfit < _RIGHT:
            msg = f"of the pixels at byte {place} {misfit:.1%} belong elsewhere"
            raise DoubtError("other_image", msg)

    def find(self, guess: int, unpacked: bytes, most: int) -> int:
        """Find where blocks lie; see `BlockProof.find`."""
        phase = first_pixel(self._image_only(guess, unpacked))
        # The first place not before the guess at which pixels begin where they do.
        nearest = guess + (self._start - guess - phase) % _PIXEL
        sample = self._sample(nearest, unpacked)
        found = self._shift_of(sample)
        place = nearest + _PIXEL * found
        if not guess <= place <= guess + most:
            msg = f"they fit {place - guess} bytes beside, of 0 to {most} possible ones"
            raise DoubtError("beside", msg)
        return place

    def _shift_of(self, sample: _Sample) -> int:
        """Find the only shift in pixels at which the sample fits."""
        rough = sample.some(_ROUGH)
        shifts = range(-_REACH, _REACH + 1)
        misfits = {shift: self._making.misfit(*rough, shift) for shift in shifts}
        best, second, *_ = sorted(misfits, key=misfits.__getitem__)
        is_best = self._making.misfit(*sample, best) < _RIGHT
        if not (is_best and misfits[second] > _WRONG):
            msg = f"pixels are not made again: {misfits[best]:.1%} of them, or "
            raise DoubtError("misfit", f"{msg}{misfits[second]:.1%} beside")
        return best

    def _image_only(self, place: int, unpacked: bytes) -> bytes:
        # Less by a row, because the place is not sure.
        end = self._start + ROWS * _ROW - place - _ROW
        return unpacked[: max(0, end)]

    def _sample(self, place: int, unpacked: bytes) -> _Sample:
        """Take whole rows of the image, evenly over the bytes at ``place``."""
        skipped = (self._start - place) % _ROW if place > self._start else 0
        first = (place + skipped - self._start) // _ROW
        number = min((len(unpacked) - skipped) // _ROW, ROWS - first)
        if number < 1 or place < self._start:
            raise DoubtError("few", f"at byte {place} there are no whole rows")
        rows = np.unique(np.linspace(0, number - 1, _SAMPLE).astype(np.intp))
        values = np.frombuffer(unpacked, ">f4", number * COLUMNS, skipped)
        pixels = values.reshape(number, COLUMNS)[rows].astype(np.float32)
        return _Sample(pixels, self._making.sky(first + rows))

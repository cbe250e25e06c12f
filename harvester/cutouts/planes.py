"""The planes of stamps: flux, inverse variance and mask, all of the same pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..models import Bit, Plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..archives.reading import Noise, PixelStack

__all__ = ["Planes", "Quality"]


class Planes(NamedTuple):
    """The planes of one stamp."""

    #: ``(ny, nx)`` float32 in the unit of the frame, NaN where there is no value.
    flux: NDArray[np.float32]
    #: ``(ny, nx)`` float32, 0 where it is unknown; None if it was not asked for.
    ivar: NDArray[np.float32] | None
    #: ``(ny, nx)`` uint8, see `Bit`.
    bits: NDArray[np.uint8]

    def padded(self, corner: tuple[int, int], side: int) -> Planes:
        """Put the planes into squares of this side, at row and column ``corner``.

        What is around them is outside of the frame.
        """
        flux, ivar, bits = self
        return Planes(
            _padded(flux, corner, side, np.nan),
            None if ivar is None else _padded(ivar, corner, side, 0),
            _padded(bits, corner, side, Bit.OUTSIDE),
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """What is needed for the planes of the stamps of a frame, beside the flux."""

    #: The planes of a stamp.
    planes: tuple[Plane, ...]
    #: What is known of the noise, if that was asked for.
    noise: Noise | None = None
    #: Pixel value from which on the detector was full.
    saturation: float | None = None

    def planes_of(self, stack: PixelStack) -> Iterator[Planes]:
        """Give the planes of each stamp of a stack."""
        flux = stack.flux
        ivar = self._ivar(stack) if Plane.IVAR in self.planes else None
        bits = self._bits(flux, ivar)
        for number in range(len(flux)):
            yield Planes(
                flux[number],
                None if ivar is None else ivar[number],
                bits[number],
            )

    def _ivar(self, stack: PixelStack) -> NDArray[np.float32]:
        if self.noise is None:
            return np.zeros_like(stack.flux)
        ivar = self.noise.ivar(stack)
        good = _valued(stack.flux) & np.isfinite(ivar) & (ivar > 0)
        return np.where(good, ivar, np.float32(0))

    def _bits(
        self, flux: NDArray[np.float32], ivar: NDArray[np.float32] | None
    ) -> NDArray[np.uint8]:
        valued = _valued(flux)
        bits = np.where(valued, np.uint8(Bit.GOOD), np.uint8(Bit.NO_DATA))
        if self.saturation is not None:
            with np.errstate(invalid="ignore"):  # NaN is not saturated
                bits[flux >= self.saturation] = Bit.SATURATED
        if ivar is not None:
            unknown = valued & (ivar == 0)
            bits[unknown] &= np.uint8(255 - Bit.GOOD)
            bits[unknown] |= np.uint8(Bit.NO_NOISE)
        return bits


def _valued(flux: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which pixels have a value: not NaN, and not in a row of zeros.

    Archives fill rows that the detector did not record with zeros; of pixels with sky
    noise one in a million is 0.
    """
    valued = np.isfinite(flux)
    recorded = np.any(np.where(valued, flux, 0), axis=-1, keepdims=True)
    return np.asarray(valued & recorded)


def _padded(
    found: NDArray[Any], corner: tuple[int, int], side: int, filling: float
) -> NDArray[Any]:
    whole = np.full((side, side), filling, dtype=found.dtype)
    top, left = corner
    whole[top : top + found.shape[0], left : left + found.shape[1]] = found
    return whole

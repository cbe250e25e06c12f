"""How the pixels of two stamps differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..stamp_reader import read_stamp

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ..stamp_reader import StampPlanes

__all__ = ["PixelChange", "compare_pixels"]

#: The planes of a stamp file, as attributes of `StampPlanes`.
_PLANES = ("flux", "ivar", "mask", "psf")


class PixelChange(NamedTuple):
    """How the pixels of a stamp have changed."""

    #: ``(ny, nx)`` before and after, if they differ; else None.
    shapes: tuple[tuple[int, int], tuple[int, int]] | None
    #: Number of pixels that differ, by plane; planes without a change are left out.
    changed: dict[str, int]
    #: Planes that only one of the two stamps has.
    lacking: tuple[str, ...]
    #: Largest change of the flux in its own unit, and relative to the noise where the
    #: inverse variance is known; None without a pixel that has a value in both.
    most: float | None
    most_sigma: float | None

    @property
    def is_header_only(self) -> bool:
        """Whether all pixels are the same, so that only header cards differ."""
        return not (self.shapes or self.changed or self.lacking)


def compare_pixels(before: Path, after: Path) -> PixelChange:
    """Compare the planes of two stamp files.

    Raises
    ------
    LocalError
        One of them cannot be read.
    """
    old, new = read_stamp(before), read_stamp(after)
    if old.flux.shape != new.flux.shape:
        shapes = (_shape(old.flux), _shape(new.flux))
        return PixelChange(shapes, {}, _lacking(old, new), None, None)
    changed = {
        name: count
        for name, one, other in _common(old, new)
        if (count := _count(one, other))
    }
    most, most_sigma = _most(old, new)
    return PixelChange(None, changed, _lacking(old, new), most, most_sigma)


def _shape(image: NDArray[Any]) -> tuple[int, int]:
    height, width = image.shape
    return height, width


def _lacking(old: StampPlanes, new: StampPlanes) -> tuple[str, ...]:
    return tuple(
        name
        for name in _PLANES
        if (getattr(old, name) is None) != (getattr(new, name) is None)
    )


def _common(
    old: StampPlanes, new: StampPlanes
) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in _PLANES)
    return [pair for pair in pairs if pair[1] is not None and pair[2] is not None]


def _count(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Count the pixels that differ; NaN equals NaN."""
    if one.shape != other.shape:
        return max(one.size, other.size)
    same = (one == other) | ((one != one) & (other != other))  # noqa: PLR0124 - NaN
    return int(one.size - np.count_nonzero(same))


def _most(old: StampPlanes, new: StampPlanes) -> tuple[float | None, float | None]:
    change = np.abs(new.flux.astype(np.float64) - old.flux)
    known = np.isfinite(change)
    if not known.any():
        return None, None
    most = float(change[known].max())
    if old.ivar is None or not (known & (old.ivar > 0)).any():
        return most, None
    sigmas = change * np.sqrt(old.ivar, dtype=np.float64)
    return most, float(sigmas[known & (old.ivar > 0)].max())

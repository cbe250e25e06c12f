"""Find the quality flags of a stamp in its pixels; `models.Flag` says the rules.

They look at a coarse copy of the stamp, of at most 40 x 40 cells. So they mean the
same for pixels of 0.4 arcsec and of 0.04 arcsec, and cost the same for large stamps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..models import Bit, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_flags"]


#: Cells along a side of the coarse copy, at most.
_CELLS = 40

#: Part of the valued pixels that may repeat their left neighbour.
_MOST_REPEATS = 0.25

#: Half of the width of the window in which the next step uphill is looked for, cells.
_STRIDE = 2

#: Multiples of the noise: light at the place of the target that counts as seen, and
#: the least light of another place that is taken for its peak if nothing is seen.
_SEEN, _BRIGHT = 5.0, 10.0

#: Multiples of the uncertainty of a corner's median that corners may differ by chance.
_CHANCE = 6.0

#: Uncertainty of a median in standard deviations of one value, times sqrt(n).
_MEDIAN_ERROR = 1.2533

#: Standard deviation of a normal distribution with a median absolute deviation of 1.
_MAD_TO_SIGMA = 1.4826


class _Corners(NamedTuple):
    """The corners of the coarse copy, where the background is seen."""

    #: Median of each corner in which most cells have a value.
    levels: list[float]
    #: Standard deviation of a cell around the median of its corner.
    noise: float
    #: Number of cells in each corner.
    cells: int


def find_flags(
    flux: NDArray[np.float32],
    mask: NDArray[np.uint8],
    place: tuple[float, float],
    side: int,
) -> list[Flag]:
    """Find the flags of a stamp, in the order of `Flag`.

    Parameters
    ----------
    flux
        ``(ny, nx)``; NaN where there is no value.
    mask
        ``(ny, nx)`` of `Bit`.
    place
        Column and row of the target in the stamp; the centre of the first pixel is 0.
    side
        Requested length of each side in pixels; a trimmed stamp is smaller.
    """
    bits = Bit(int(np.bitwise_or.reduce(mask, axis=None)))
    valued = np.isfinite(flux)
    cells, width = _to_cells(flux, valued)
    corners = _corners(cells)
    is_trimmed = flux.size < side**2
    found = {
        Flag.BLANK: _is_blank(flux, valued),
        Flag.SATURATED: Bit.SATURATED in bits,
        Flag.OFF_CENTRE: _is_off_centre(cells, corners, place, width),
        Flag.EDGE: is_trimmed or bool(bits & (Bit.OUTSIDE | Bit.FILLED)),
        Flag.PARTIAL: is_trimmed or not valued.all(),
        Flag.FILLED: Bit.FILLED in bits,
        Flag.BAD_BACKGROUND: _is_uneven(corners, width),
    }
    return [flag for flag, is_so in found.items() if is_so]


def _is_blank(flux: NDArray[np.float32], valued: NDArray[np.bool_]) -> bool:
    repeats = np.count_nonzero(flux[:, 1:] == flux[:, :-1])
    return bool(repeats > _MOST_REPEATS * np.count_nonzero(valued[:, 1:]))


def _to_cells(
    flux: NDArray[np.float32], valued: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], int]:
    """Average the pixels of each cell; NaN where it has no value.

    Returns
    -------
    tuple
        The cells ``(ny, nx)``, and the width of a cell in pixels. Rows and columns at
        the end that do not fill a cell are left out.
    """
    width = -(-max(flux.shape) // _CELLS)
    if width == 1:
        return flux, 1
    tall, wide = (min(width, length) for length in flux.shape)
    ny, nx = flux.shape[0] // tall, flux.shape[1] // wide
    inside = np.s_[: ny * tall, : nx * wide]
    counts = valued[inside].reshape(ny, tall, nx, wide).sum((1, 3))
    values = np.where(valued[inside], flux[inside], 0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: no value
        means = values.reshape(ny, tall, nx, wide).sum((1, 3)) / counts
    return means.astype(np.float32), width


def _corners(cells: NDArray[np.float32]) -> _Corners:
    ny, nx = (max(1, length // 4) for length in cells.shape)
    parts = (cells[:ny, :nx], cells[:ny, -nx:], cells[-ny:, :nx], cells[-ny:, -nx:])
    valued = [part[np.isfinite(part)] for part in parts]
    useful = [part for part in valued if 2 * len(part) >= ny * nx]
    levels = [_median(part) for part in useful]
    if not useful:
        return _Corners([], 0.0, 1)
    off = [part - level for part, level in zip(useful, levels, strict=True)]
    return _Corners(
        levels, _MAD_TO_SIGMA * _median(np.abs(np.concatenate(off))), ny * nx
    )


def _median(values: NDArray[np.float32]) -> float:
    """Return the upper median; four times as fast as numpy's."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _is_uneven(corners: _Corners, width: int) -> bool:
    if not corners.noise:
        return False
    by_chance = _CHANCE * _MEDIAN_ERROR / corners.cells**0.5
    compared = sorted(corners.levels)[: max(1, len(corners.levels) - 1)]
    # The noise of a pixel is larger than that of a cell by the width of the cell.
    most = max(float(width), by_chance) * corners.noise
    return bool(compared[-1] - compared[0] > most)


def _is_off_centre(
    cells: NDArray[np.float32],
    corners: _Corners,
    place: tuple[float, float],
    width: int,
) -> bool:
    """Look how far from the target's cell the peak of the light near it is."""
    if not corners.noise:
        return False
    side = max(cells.shape)
    row, column = (
        min(max(0, round((at + 0.5) / width - 0.5)), length - 1)
        for at, length in zip(reversed(place), cells.shape, strict=True)
    )
    top, left = max(0, row - side // 4), max(0, column - side // 4)
    around = cells[_window((row, column), side // 4)]
    level = sum(corners.levels) / len(corners.levels)
    # The sum of nine cells has three times the noise of one.
    light = _smooth(around - level) / (3 * corners.noise)
    start, near = (row - top, column - left), max(3 / width, side / 10)
    peak = _find_peak(light, start, int(near))
    is_brighter = bool(light[peak] - light[start] >= _SEEN)
    return is_brighter and math.dist(peak, start) > near


def _find_peak(
    light: NDArray[np.float32], start: tuple[int, int], near: int
) -> tuple[int, int]:
    """Find the peak that belongs to a place in an image in units of its noise."""
    centre = _window(start, near)
    if light[centre].max() >= _SEEN:
        return _climb(light, start)
    row, column = divmod(int(light.argmax()), light.shape[1])
    return (row, column) if light[row, column] >= _BRIGHT else start


def _smooth(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum each cell and its eight neighbours; without a value there is no light."""
    wide = np.zeros((cells.shape[0] + 2, cells.shape[1] + 2), np.float32)
    np.copyto(wide[1:-1, 1:-1], cells, where=np.isfinite(cells))
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    summed: NDArray[np.float32] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return summed


def _climb(light: NDArray[np.float32], start: tuple[int, int]) -> tuple[int, int]:
    """Go to the brightest cell nearby until there is none brighter."""
    place = start
    while True:
        rows, columns = _window(place, _STRIDE)
        window = light[rows, columns]
        row, column = divmod(int(window.argmax()), window.shape[1])
        if window[row, column] <= light[place]:
            return place
        place = rows.start + row, columns.start + column


def _window(place: tuple[int, int], reach: int) -> tuple[slice, slice]:
    row, column = place
    return (
        slice(max(0, row - reach), row + reach + 1),
        slice(max(0, column - reach), column + reach + 1),
    )

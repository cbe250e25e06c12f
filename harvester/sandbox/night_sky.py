"""The night sky over a field: what the camera counted, what the survey took off.

The third HDU of a frame is the sky that the survey subtracted, as a table of 8 x 8
pixels to a value and the places of all columns and rows in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .scans import BANDS, COLUMNS, FIELD_STEP, ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scans import FieldKey

__all__ = ["NightSky"]

#: Counts by which the sky changes along a row; counts by which it changes from field to
#: field of the scan where it does so most, and that part of its level; fields after
#: which it is the same again. Real frames have as much: with more one compresses worse.
_ACROSS_ROW, _ALONG_SCAN, _PERIOD = 0.2, (0.08, 0.003), 12
#: Pixels of the frame to a value of the table, and values along a row of it.
_STEP, _ACROSS = 8.0, 256
#: Rows of the table. The field's first and last rows lie inside; where a run begins
#: there is none below them, and where it ends the table ends before the field does.
_WHOLE, _AT_BEGIN, _AT_END = 192, 191, 171
#: Parts of the fields whose tables are like those at the begin and end of a run.
_BEGINS, _ENDS = 0.08, 0.04
#: The darkest and the brightest sky of a run against the typical one.
_NIGHTS = 0.75, 1.25
#: Streams of random numbers: for the rows of tables, and for the skies of runs.
_STREAM, _LEVEL_STREAM = 8, 11


class _Places(NamedTuple):
    """The rows of a table, and how many of them lie before the field."""

    rows: int
    before: int


class NightSky(NamedTuple):
    """The sky of a frame, in counts."""

    #: As the survey has it: ``(rows of the table, 256)``.
    allsky: NDArray[np.float32]
    #: For each column and row of the frame, its place in ``allsky``.
    xinterp: NDArray[np.float32]
    yinterp: NDArray[np.float32]
    #: What ``allsky`` is the sum of: counts by its column, and by its row.
    profiles: tuple[NDArray[np.float64], NDArray[np.float64]]
    #: What the sky really was in each row of the frame, as ``profiles[1]`` counts.
    along: NDArray[np.float64]
    #: Its mean over the whole run.
    level: float

    @classmethod
    def over(cls, seed: int, key: FieldKey, band: str, typical: float) -> NightSky:
        """Make the sky over a field; ``typical`` counts a pixel are those of a run."""
        level = typical * _brightness(seed, key, band)
        ny, before = _places(seed, key)
        x = (np.arange(COLUMNS) + 0.5) / _STEP - 0.5
        y = (np.arange(ROWS) + 0.5) / _STEP - 0.5 + before
        rows = (np.arange(ny) - before + 0.5) * _STEP - 0.5
        # The sum of two profiles, smooth along the scan and wavy across it, as the
        # tables of real frames are to a thousandth of a count.
        u = np.arange(_ACROSS) / _ACROSS
        across = level + _ACROSS_ROW * (u + 0.06 * np.sin(25 * u))
        along = _along(level, key.field, rows)
        return cls(
            allsky=(across + along[:, None]).astype(np.float32),
            xinterp=x.astype(np.float32),
            yinterp=y.astype(np.float32),
            profiles=(across, along),
            along=_along(level, key.field, np.arange(ROWS)),
            level=level,
        )

    def counted(self) -> NDArray[np.float64]:
        """Give the counts of the sky in each pixel, ``(ROWS, COLUMNS)``."""
        return np.add.outer(self.along, self._across())

    def taken_off(self) -> NDArray[np.float64]:
        """Give the counts that the table has for each pixel, ``(ROWS, COLUMNS)``."""
        profile = self.profiles[1]
        rows = np.interp(self.yinterp, np.arange(len(profile)), profile)
        return np.add.outer(rows, self._across())

    def _across(self) -> NDArray[np.float64]:
        profile = self.profiles[0]
        return np.interp(self.xinterp, np.arange(len(profile)), profile)

    def record(self) -> NDArray[np.void]:
        """Give the only row of the third HDU."""
        columns = [
            ("ALLSKY", ">f4", self.allsky.shape),
            ("XINTERP", ">f4", self.xinterp.shape),
            ("YINTERP", ">f4", self.yinterp.shape),
        ]
        return np.array([self[: len(columns)]], columns)


def _brightness(seed: int, key: FieldKey, band: str) -> float:
    stream = [seed, _LEVEL_STREAM, key.run, BANDS.index(band)]
    return float(np.random.default_rng(stream).uniform(*_NIGHTS))


def _places(seed: int, key: FieldKey) -> _Places:
    lot = np.random.default_rng([seed, _STREAM, *key]).random()
    if lot < _BEGINS:
        return _Places(_AT_BEGIN, before=0)
    return _Places(_AT_END if lot > 1 - _ENDS else _WHOLE, before=1)


def _along(
    level: float, field: int, rows: NDArray[np.floating | np.integer]
) -> NDArray[np.float64]:
    # It goes on from field to field: in rows that two fields share, the camera has
    # counted once.
    phases = (field + rows / FIELD_STEP) * 2 * np.pi / _PERIOD
    least, part = _ALONG_SCAN
    return (least + part * level) * _PERIOD / (2 * np.pi) * np.cos(phases)

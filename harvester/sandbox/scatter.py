"""Place galaxies on strips of SDSS fields.

A *strip* is a few neighbouring fields of one run and camera column; galaxies are
placed on its continuous pixel grid. They are concentrated on few strips, so that a
small catalogue needs few frames. Most are well inside a field; some are at a column
edge, some in the rows that two fields share, and some in small groups for HST.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .scans import COLUMNS, FIELD_STEP, ROWS, RUNS, FieldKey

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Draw = Callable[[], tuple[float, float]]

__all__ = ["Spot", "Strip", "choose_strips", "strew"]

#: Fields on either side of a run's middle that are used: 20 degrees, within which
#: neighbouring scans stay apart.
_REACH = 133
#: Galaxies are at least 12 arcsec apart (in pixels, rounded up).
_APART = 31.0
#: Fraction of the galaxies in groups small enough for one HST pointing.
_GROUPED = 0.29
_GROUP_SIZES = (2, 5, 3, 4)
#: Radius of a group in pixels: 40 arcsec, inside a WFC3/IR image however it is rolled.
_GROUP_RADIUS = 101.0
#: Of so many single galaxies one is at a column edge, and one in shared rows.
_ODD_ONE = 20
#: Rows at a field's edge that count as its neighbour's: half of those they share.
_HALF_OVERLAP = (ROWS - FIELD_STEP) // 2
#: A field with RA 0 in its middle, for the first group; and the least number of
#: fields of a sky that has this group.
_MERIDIAN, _MERIDIAN_FROM = FieldKey(4192, 3, 224), 8
#: After so many occupied places in a row there is no room left.
_TRIES = 500
_NUMBERS = tuple(RUNS)
#: Run -> first and last field that are used.
_WINDOWS = {
    run.number: (
        max(run.first, run.middle - _REACH),
        min(run.last, run.middle + _REACH),
    )
    for run in RUNS.values()
}


class Strip(NamedTuple):
    """Some neighbouring fields."""

    first: FieldKey
    length: int

    def key(self, place: int) -> FieldKey:
        """Name its field number ``place``, counted from 0."""
        return self.first._replace(field=self.first.field + place)

    @property
    def surroundings(self) -> set[FieldKey]:
        """Its fields and one more at either end."""
        return {self.key(place) for place in range(-1, self.length + 1)}


class Spot(NamedTuple):
    """The place of a galaxy: its primary field, its pixel in r, its group or -1."""

    key: FieldKey
    x: float
    y: float
    group: int


def choose_strips(rng: np.random.Generator, fields: int) -> list[Strip]:
    """Choose strips of 2 to 5 fields that do not touch each other."""
    taken: set[FieldKey] = set()
    strips: list[Strip] = []
    left, misses = fields, 0
    if fields >= _MERIDIAN_FROM:
        strips.append(Strip(_MERIDIAN, 3))
        taken |= strips[0].surroundings
        left -= strips[0].length
    while left and misses < _TRIES:
        strip = Strip(_draw_field(rng), min(left, int(rng.integers(2, 6))))
        around = strip.surroundings
        last = strip.key(strip.length - 1)
        misses += 1
        if around & taken or last.field > _WINDOWS[last.run][1]:
            continue
        misses = 0
        taken |= around
        strips.append(strip)
        left -= strip.length
    if left:
        msg = f"there is no room for {fields} fields: put more galaxies in each"
        raise ValueError(msg)
    return strips


def _draw_field(rng: np.random.Generator) -> FieldKey:
    run = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
    low, high = _WINDOWS[run]
    return FieldKey(run, int(rng.integers(1, 7)), int(rng.integers(low, high + 1)))


def strew(
    rng: np.random.Generator, strips: list[Strip], galaxies: int, per_group: int = 0
) -> list[Spot]:
    """Place so many galaxies, the same number on each field.

    With ``per_group`` all of them are in groups of that size.
    """
    fields = sum(strip.length for strip in strips)
    sower = _Sower(rng, per_group)
    done = 0
    for strip in strips:
        plot = _Plot(strip)
        for place in range(strip.length):
            done += 1
            sower.sow(plot, place, galaxies * done // fields - len(sower.spots))
    return sower.spots


class _Plot:
    """One strip, and the galaxies that are already on it."""

    def __init__(self, strip: Strip) -> None:
        self.length = strip.length
        self.strip = strip
        self._places: list[tuple[float, float]] = []

    def put(self, draw: Draw, group: int = -1) -> Spot:
        """Draw places (column, row of the strip) until one is free."""
        for _ in range(_TRIES):
            x, row = draw()
            if all(math.hypot(x - u, row - v) >= _APART for u, v in self._places):
                self._places.append((x, row))
                place = int((row - _HALF_OVERLAP) // FIELD_STEP)
                place = min(max(place, 0), self.length - 1)
                return Spot(self.strip.key(place), x, row - FIELD_STEP * place, group)
        msg = f"{len(self._places)} galaxies are too many for {self.length} fields"
        raise ValueError(msg)


class _Sower:
    """Places galaxies field by field, and keeps count of groups and singles."""

    def __init__(self, rng: np.random.Generator, per_group: int) -> None:
        self.spots: list[Spot] = []
        self._rng = rng
        self._per_group = per_group
        self._groups = 0
        self._singles = 0
        # Galaxies that should be in groups and are not yet; the head start gives
        # the smallest catalogue a group too.
        self._owed = 1.5

    def sow(self, plot: _Plot, place: int, share: int) -> None:
        """Place the galaxies of one field of a strip."""
        self._owed += _GROUPED * share
        left = share
        while (size := self._group_size(left)) > 0:
            draw = self._in_disc(plot, place)
            self.spots += [plot.put(draw, self._groups) for _ in range(size)]
            left -= size
            self._owed -= size
            self._groups += 1
        for _ in range(left):
            self.spots.append(plot.put(self._alone(plot, place)))

    def _group_size(self, left: int) -> int:
        if self._per_group:
            return min(self._per_group, left)
        size = min(_GROUP_SIZES[self._groups % len(_GROUP_SIZES)], left)
        return size if size > 1 and self._owed >= size else 0

    def _in_disc(self, plot: _Plot, place: int) -> Draw:
        rng = self._rng
        x0, row0 = rng.uniform(300, COLUMNS - 300), rng.uniform(300, ROWS - 300)
        if self._groups == 0 and plot.strip.key(place) == _MERIDIAN:
            x0, row0 = COLUMNS / 2, ROWS / 2
        row0 += FIELD_STEP * place

        def draw() -> tuple[float, float]:
            radius = _GROUP_RADIUS * math.sqrt(rng.random())
            angle = math.tau * rng.random()
            return x0 + radius * math.cos(angle), row0 + radius * math.sin(angle)

        return draw

    def _alone(self, plot: _Plot, place: int) -> Draw:
        self._singles += 1
        turn, once = divmod(self._singles, _ODD_ONE)
        columns, rows = (60.0, COLUMNS - 60.0), (80.0, ROWS - 80.0)
        if once == 1:
            columns = (3.0, 17.0) if turn % 2 else (COLUMNS - 17.0, COLUMNS - 3.0)
        elif once == _ODD_ONE // 2 and place + 1 < plot.length:
            rows = (FIELD_STEP + 4.0, ROWS - 4.0)
        return self._in_box(place, columns, rows)

    def _in_box(
        self, place: int, columns: tuple[float, float], rows: tuple[float, float]
    ) -> Draw:
        start = FIELD_STEP * place
        return lambda: (
            self._rng.uniform(*columns),
            start + self._rng.uniform(*rows),
        )

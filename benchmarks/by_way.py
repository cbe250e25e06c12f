"""Our own harvests in each way of fetching SDSS frames, in turns on one sandbox."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contest import our_contestant
from harvests import Arena, Raced
from skies import sky
from tutorial import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from contest import Contestant, Sky
    from skies import Running

#: The harvest whose CPU is that of starting up.
_START = "one galaxy"


@dataclass(frozen=True)
class ByWay:
    """The results for stamps of so many pixels."""

    side: int
    raced: Raced


def rounds_by_way(
    where: Sky,
    ways: Sequence[str],
    sides: Sequence[int],
    count: int,
    folder: Path,
    *,
    line: float,
) -> Iterator[ByWay]:
    """Let the ways take turns over a line of so many MB/s, for each size of stamps."""
    with sky(folder / "sky", *where.options()) as running:
        one = _one_galaxy(running, folder)
        for side in sides:
            usual = our_contestant(running, where.survey, side)
            contestants = {way: _forced(usual, way) for way in ways}
            contestants[_START] = our_contestant(one, where.survey, side)
            arena = Arena(running, contestants, folder)
            yield ByWay(side, arena.race(line, count))


def _forced(contestant: Contestant, way: str) -> Contestant:
    return replace(contestant, environment={"HARVESTER__SDSS__WAY": way})


def _one_galaxy(running: Running, folder: Path) -> Running:
    """Write a catalogue with the first galaxy only."""
    ((_, position),) = read_catalogue(running.catalogue, limit=1)
    path = folder / "one.csv"
    path.write_text(f"ra,dec\n{position.ra.deg:.8f},{position.dec.deg:.8f}\n")
    return replace(running, catalogue=path)

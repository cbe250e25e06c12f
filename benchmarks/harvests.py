"""Whole harvests side by side: the tutorial, the tutorial in threads, the harvester.

Each contestant is a process of its own with its own folder and cache, and they take
turns on one warm sandbox, so that a busy minute of the machine meets all of them.
"""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contest import THREADS, compete, our_contestant, tutorial, ways_in
from floor import count_frames, find_floor, measure, needed_frames
from skies import sky
from turns import turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from contest import Contestant, Result, Sky
    from floor import Floor, Machine
    from skies import Running

#: Services with the files, for each survey.
HOLDERS = {"sdss": "sdss-sas", "hst": "s3"}

#: The contestant that the others are compared with, and that has a floor.
OURS = "harvester"


@dataclass
class Raced:
    """The results of the rounds, in their order."""

    #: MB/s of all connections together; 0: no limit.
    line: float
    results: dict[str, list[Result]] = field(default_factory=dict)
    #: Floors for the harvester, and the speed of the machine beside each harvest.
    floors: list[Floor] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    #: Images that the harvester's stamps were cut from.
    frames: int = 0
    #: Number of frames by the way they came, as the last of our harvests counted them.
    ways: dict[str, dict[str, int]] = field(default_factory=dict)


class Arena:
    """A warm sandbox, and the contestants that take turns on it.

    The sandbox paints a frame when it is first requested: a run in which it had to
    paint is repeated.
    """

    def __init__(
        self, running: Running, contestants: dict[str, Contestant], folder: Path
    ) -> None:
        self._running, self._contestants = running, contestants
        self._out = folder / "out"
        compete(running, next(iter(contestants.values())), self._out)
        self._painted = running.files()

    def race(self, line: float, count: int, *, floor_of: str = "") -> Raced:
        """Let all take so many turns over a line of so many MB/s.

        Parameters
        ----------
        floor_of
            Survey whose floor is measured beside each of our harvests; empty: none.
        """
        raced = Raced(line)
        self._running.limit(0)
        urls = self._running.found(HOLDERS[floor_of]) if floor_of else []
        packed = self._a_frame(urls) if floor_of == "sdss" else None
        for names in turns(self._contestants, count):
            for name in names:
                if floor_of and name == OURS:
                    self._compete_beside_floor(raced, packed, urls)
                else:
                    self._compete(raced, name)
        return raced

    def _compete_beside_floor(
        self, raced: Raced, packed: Path | None, urls: list[str]
    ) -> None:
        before = measure(packed, urls)
        result = self._compete(raced, OURS)
        machine = before.or_quicker(measure(packed, urls)).over(raced.line)
        needed = needed_frames(self._out, packed, raced.ways[OURS])
        raced.machines.append(machine)
        raced.floors.append(
            find_floor(result.requests, result.received, needed, machine)
        )
        raced.frames = count_frames(self._out)

    def _compete(self, raced: Raced, name: str) -> Result:
        contestant = self._contestants[name]
        self._running.limit(raced.line)
        result = compete(self._running, contestant, self._out)
        if not self._running.files() <= self._painted:
            self._painted |= self._running.files()
            result = compete(self._running, contestant, self._out)
        self._running.limit(0)
        raced.results.setdefault(name, []).append(result)
        raced.ways[name] = ways_in(self._out)
        return result

    def _a_frame(self, urls: list[str]) -> Path:
        """Fetch one of the frames that were requested last."""
        path = self._out.with_name("frame.fits.bz2")
        with urllib.request.urlopen(urls[0], timeout=60) as reply:
            path.write_bytes(reply.read())
        return path


def rounds(
    where: Sky, lines: Sequence[float], count: int, folder: Path, *, alone: bool
) -> Iterator[Raced]:
    """Let the contestants take turns, or measure only the harvester (``alone``).

    Yields the results for each line: MB/s of all connections, 0 for no limit.
    """
    with sky(folder / "sky", *where.options()) as running:
        contestants = {OURS: our_contestant(running, where.survey)}
        if not alone:
            many = tutorial(running, where.survey, THREADS)
            contestants[f"{THREADS} threads"] = many
            contestants["tutorial"] = tutorial(running, where.survey, 1)
        arena = Arena(running, contestants, folder)
        for line in lines:
            yield arena.race(line, count, floor_of=where.survey)

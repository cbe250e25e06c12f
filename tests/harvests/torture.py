"""Disturb a harvest again and again, and check that nothing is lost.

``python tests/harvests/torture.py --disturbances 200`` harvests some hundred galaxies
from the sandbox, and at random moments of it draws from `disturbances`: kills,
signals, a full disk, a power cut and more. Whatever happens, `harvester resume` goes
on. Every few disturbances a run is brought to its end and compared with one that was
left in peace. It prints a table and ends with 1 if anything is not as it must be.

Moments are drawn as a number of stamps, requests or commits from now, or as a part of
the time that an undisturbed harvest takes; the same seed draws the same ones.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

from disks import enter_own_mounts
from disturbances import known_sorts
from scene import PER_RUN, Archives, Scene

#: Columns of the table in which every count must be 0.
_BAD = ("lost", "doubled", "torn", "orphans", "manual repairs")


def main():
    """Read the options, run, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--disturbances", type=int, default=20)
    parser.add_argument("--hours", type=float, default=0.0, help="at least so long")
    parser.add_argument("--targets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    enter_own_mounts()
    with tempfile.TemporaryDirectory() as folder:
        found = torture(Path(folder), **vars(options))
    print("\n".join(found.table()))
    if not found.is_clean:
        sys.exit("\n".join(["not as it must be:", *found.words]))


def torture(folder, *, disturbances, targets, seed, hours=0.0):
    """Give the findings after a number of disturbances; each count should be 0."""
    chance = random.Random(seed)
    sorts, left_out = known_sorts()
    found = Findings(left_out)
    options = ("--seed", str(seed), "--targets", str(targets))
    until = time.monotonic() + hours * 3600
    with (
        closing(Archives(folder, *options)) as archives,
        closing(Scene(folder, archives, chance, found)) as scene,
    ):
        for number, sort in enumerate(deck(list(sorts), chance), 1):
            scene.disturb(sort, sorts[sort])
            if number % PER_RUN == 0:
                scene.finish_run()
            if number >= disturbances and time.monotonic() > until:
                break
        scene.finish_run()
        scene.count_frames()
    return found


def deck(sorts, chance):
    """Yield names in random order, each once before any is repeated."""
    while True:
        yield from chance.sample(sorts, len(sorts))


class Findings:
    """Counts of problems, by the disturbance before them."""

    def __init__(self, left_out):
        self._left_out = left_out
        self.counts = defaultdict(Counter)
        #: Descriptions of the problems, for a developer.
        self.words = []
        self.facts = Counter()

    def add(self, sort, **counts):
        """Add to the counts of a disturbance; ``words`` describe the problems."""
        self.counts[sort].update(
            {name.replace("_", " "): count for name, count in counts.items()}
        )
        bad = {name: count for name, count in counts.items() if count}
        if bad.keys() - {"times"}:
            self.words.append(f"{sort}: {bad}")

    @property
    def is_clean(self):
        """Whether every count is 0, and no frame was fetched without need."""
        total = sum((counts for counts in self.counts.values()), Counter())
        again = self.facts["frames fetched again"] > self.facts["of in flight at most"]
        return not again and not any(total[name] for name in _BAD)

    def table(self):
        """Give the lines of the table."""
        yield f"{'':30}{'times':>7}" + "".join(f"{name:>16}" for name in _BAD)
        total = Counter()
        for sort, counts in self.counts.items():
            total += counts
            yield self._line(sort, counts)
        yield self._line("in all", total)
        for name, reason in self._left_out.items():
            yield f"{name:30}left out: {reason}"
        for name, value in self.facts.items():
            yield f"{name:30}{value:>7}"

    @staticmethod
    def _line(sort, counts):
        bad = "".join(f"{counts[name]:>16}" for name in _BAD)
        return f"{sort:30}{counts['times']:>7}{bad}"


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main()
    finally:
        print(f"took {time.monotonic() - began:.0f} s")

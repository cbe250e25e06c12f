"""From which fraction of a file it is faster to fetch all of it.

The same HST images are harvested in parts only and whole only, for larger and larger
stamps, over connections of so much bandwidth. Where both take as
long is `harvester.frames.spans.WHOLE_FROM`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from contest import Contestant, Sky, compete, our_contestant
from skies import sky
from turns import turns

if TYPE_CHECKING:
    from pathlib import Path

    from contest import Result

#: Runs a harvester that decides otherwise.
DECIDED = """
import sys
from harvester.frames import spans as parts
parts.WHOLE_FROM = float(sys.argv.pop(1))
if __name__ == "__main__":
    from harvester.cli import console
    console()
"""

#: Whatever it costs; not at all.
WAYS = {"parts": "inf", "whole": "-1"}

#: Seconds before each answer.
LATENCY_S = {"query": 0.1, "file": 0.1}


class Comparison(NamedTuple):
    """One size of stamps, fetched in both ways in turn."""

    side: int
    results: dict[str, list[Result]]

    @property
    def part(self) -> float:
        """Bytes by ranges, divided by those of whole files."""
        parts, whole = (self.results[way][-1].received for way in WAYS)
        return parts / whole

    @property
    def ratios(self) -> list[float]:
        """Time by ranges divided by time of whole files, by round."""
        ways = (self.results[way] for way in WAYS)
        return [a.wall_s / b.wall_s for a, b in zip(*ways, strict=True)]


def break_even(
    where: Sky, sides: list[int], count: int, folder: Path, *, bandwidth: int
) -> list[Comparison]:
    """Compare both ways for stamps of several sizes.

    Parameters
    ----------
    bandwidth
        MB/s of each connection.
    """
    options = (*where.options(), "--bandwidth", str(bandwidth))
    found = []
    with sky(folder / "sky", *options, latency_s=LATENCY_S) as running:
        compete(running, our_contestant(running, where.survey), folder / "warm")
        for side in sides:
            usual = our_contestant(running, where.survey, side).command
            words = usual[usual.index("run") :]
            results: dict[str, list[Result]] = {way: [] for way in WAYS}
            for order in turns(WAYS, count):
                for way in order:
                    command = [sys.executable, "-c", DECIDED, WAYS[way], *words]
                    result = compete(running, Contestant(command), folder / "out")
                    results[way].append(result)
            found.append(Comparison(side, results))
    return found

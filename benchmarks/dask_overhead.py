"""What Dask costs over the process pool: the same harvest by both, in turns.

    python benchmarks/dask_overhead.py                  # some ten minutes
    python benchmarks/dask_overhead.py --galaxies 40,160 --rounds 1

Both have two processes that cut, and harvest the same sandbox without latency, of two
sizes. So the slope between the sizes is the cost of a frame, and what remains is the
start. A round has each executor once, the order changes from round to round, and the
ratio is that of the same round. Needs the extra ``dask``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from skies import HARVESTER, sky
from turns import turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skies import Running

_EXECUTORS = ("processes", "dask:local:2")

#: Script that runs a command and measures its process.
_TOOK = Path(__file__).with_name("took.py")

#: High rates, because pauses between requests are not measured.
_BRISK = {
    f"HARVESTER__SERVICES__{name}__RATE": "1000"
    for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
}


class Took(NamedTuple):
    """What a harvest took."""

    #: Seconds of the clock, and of CPU of the orchestrator.
    wall_s: float
    cpu_s: float
    frames: int


def main() -> None:
    """Read the options, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", default="40,400", help="the two sizes")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sizes = [int(size) for size in options.galaxies.split(",")]
    found = {size: _measure(size, options.rounds) for size in sizes}
    print("\n".join(_table(found)))


def _table(found: dict[int, dict[str, list[Took]]]) -> Iterator[str]:
    yield "| galaxies | frames | executor | seconds | ratio | CPU s of the harvest |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for size, runs in found.items():
        for name, took in runs.items():
            pairs = zip(took, runs["processes"], strict=True)
            ratio = statistics.median(a.wall_s / b.wall_s for a, b in pairs)
            yield (
                f"| {size} | {took[0].frames} | {name} | {_wall(took):.2f} "
                f"({max(one.wall_s for one in took):.2f}) | {ratio:.2f} "
                f"| {_cpu(took):.2f} |"
            )
    (small, few), (large, many) = found.items()
    yield ""
    yield f"From {small} to {large} galaxies, for each further frame:"
    yield ""
    yield "| executor | ms | CPU ms of the harvest | what remains: seconds |"
    yield "| --- | --- | --- | --- |"
    for name in _EXECUTORS:
        frames = many[name][0].frames - few[name][0].frames
        wall = (_wall(many[name]) - _wall(few[name])) / frames
        cpu = (_cpu(many[name]) - _cpu(few[name])) / frames
        start = _wall(few[name]) - wall * few[name][0].frames
        yield f"| {name} | {1e3 * wall:.0f} | {1e3 * cpu:.1f} | {start:.1f} |"


def _wall(took: list[Took]) -> float:
    return min(one.wall_s for one in took)


def _cpu(took: list[Took]) -> float:
    return min(one.cpu_s for one in took)


def _measure(galaxies: int, rounds: int) -> dict[str, list[Took]]:
    found: dict[str, list[Took]] = {name: [] for name in _EXECUTORS}
    words = ("--seed", "3", "--targets", str(galaxies), "--per-field", "4")
    with (
        tempfile.TemporaryDirectory() as folder,
        sky(Path(folder) / "sky", *words, "--no-hst-images", latency_s={}) as running,
    ):
        # The sandbox paints its frames when they are asked for first.
        _harvest(running, Path(folder) / "first", "processes")
        for number, order in enumerate(turns(_EXECUTORS, rounds)):
            for name in order:
                out = Path(folder) / f"{number}-{name}"
                found[name].append(_harvest(running, out, name))
    return found


def _harvest(running: Running, out: Path, executor: str) -> Took:
    took = out.with_suffix(".json")
    words = ["run", running.catalogue, "--out", out, "--survey", "sdss:r"]
    words += ["--executor", executor, *running.flags()]
    done = subprocess.run(
        [sys.executable, str(_TOOK), str(took), *map(str, words)],
        env=os.environ | _BRISK,
        capture_output=True,
        text=True,
        check=False,
    )
    measured = json.loads(took.read_text())
    if measured["code"] != 0:
        sys.exit(done.stdout + done.stderr)
    told = subprocess.run(
        [*HARVESTER, "status", str(out), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    frames = sum(json.loads(told.stdout)["frames"].values())
    return Took(measured["wall_s"], measured["cpu_s"], frames)


if __name__ == "__main__":
    main()

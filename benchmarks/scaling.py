"""A million to a hundred million galaxies on many machines, simulated from costs.

    python benchmarks/scaling.py                  # measure, check, simulate
    python benchmarks/scaling.py --costs FILE     # simulate from what was measured
    python benchmarks/scaling.py --check-only     # only compare with real harvests

What a target and a frame cost is measured here; what the archives allow is what the
harvester's settings say. The check harvests with 1, 2 and 4 workers, and exits with 1
if the simulation is wrong by more than a fifth.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from contest import Sky
from frame_costs import (
    BRISK,
    Manner,
    Measured,
    beginning,
    difference,
    disk_s,
    frame_costs,
    harvest,
    interpolated,
    settled,
    stamp_settle_s,
    target_s,
)
from paper import Paper
from simulation import Engine, FrameCost, Host, simulate
from skies import sky
from turns import turns

from harvester.events import counted
from harvester.settings.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulation import Outcome

#: Targets and workers that are simulated.
TARGETS = (10**6, 10**7, 10**8)
WORKERS = (1, 2, 4, 8, 16, 32, 64)

#: Frames in which targets lie. SDSS: 47,675 galaxies of Galaxy Zoo lie in about 43,000
#: fields and 243,500 in about 156,000, as when they are dealt at random to so many.
#: HST: an assumption, because the images in F160W have not been counted.
FRAMES = {"sdss": 250_000, "hst": 40_000}

#: Assumed of the lines: seconds to the first byte, MB/s of one connection and of all.
LINES = {"sdss": (0.3, 5.0, 100.0), "hst": (0.1, 20.0, 100.0)}

#: Services with the files.
_SERVICES = {"sdss": "sdss-sas", "hst": "s3"}
_NAMES = {"sdss": "SAS (SDSS, r band)", "hst": "the public bucket (HST, F160W)"}

#: A harvest is at the knee if more workers make it no quicker than by this part.
_KNEE = 1.05

#: Workers of the check, and by how much it may be wrong.
_CHECKED, _WRONG = (1, 2, 4), 0.2

#: Connections of the check: as many as SAS allows. The rate is higher than real ones,
#: so that this machine is what limits.
_CONNECTIONS = 4

#: Of the check: galaxies of the shorter and of the longer harvest, and in a frame. The
#: shorter one lasts until all workers have started.
_FEW, _MANY, _PER_FRAME = 40, 140, 1.1


@dataclass(frozen=True)
class Costs:
    """All that was measured; it is kept as JSON."""

    target_s: float
    frames: dict[str, dict[int, FrameCost]]

    @classmethod
    def read(cls, path: Path) -> Costs:
        """Read what `write` wrote."""
        told = json.loads(path.read_text())
        return cls(
            told["target_s"],
            {
                survey: {int(k): FrameCost(**one) for k, one in some.items()}
                for survey, some in told["frames"].items()
            },
        )

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def main() -> None:
    """Measure, check and simulate as asked; print the tables."""
    options = _options()
    paper, is_right = Paper(), True
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.check_only:
            sys.exit(0 if check(paper, folder, options) else 1)
        if options.costs:
            costs = Costs.read(options.costs)
        else:
            costs = measured(folder, options)
            if options.out:
                costs.write(options.out.with_suffix(".json"))
            is_right = check(paper, folder, options)
    simulated(paper, costs)
    if options.out:
        options.out.with_suffix(".md").write_text(paper.text)
    sys.exit(0 if is_right else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--costs", type=Path, help="measured before")
    parser.add_argument("--out", type=Path, help="name of a JSON and a table to write")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check-only", action="store_true")
    parser.add_argument("--executor", default="dask:local:", help="before the number")
    parser.add_argument("--settle-ms", type=float, default=3.0, help="a frame")
    parser.add_argument("--folder", type=Path, help="where there is room")
    return parser.parse_args()


def measured(folder: Path, options: argparse.Namespace) -> Costs:
    """Measure targets and frames."""
    frames = {name: frame_costs(name, folder, options.rounds) for name in FRAMES}
    settling = options.settle_ms / 1e3, stamp_settle_s(frames["sdss"])
    return Costs(
        target_s(folder),
        {name: settled(some, *settling) for name, some in frames.items()},
    )


# -- the check -----------------------------------------------------------------


def check(paper: Paper, folder: Path, options: argparse.Namespace) -> bool:
    """Compare harvests with simulated ones; whether each is near enough.

    A longer harvest less a shorter one counts: the start is not simulated. The costs
    are the CPU of these same harvests: the speed of a machine changes, and a frame
    costs more where workers share cores. All processes, also the sandbox, share them.
    """
    # What Dask itself takes is a part of the costs.
    by_workers = _harvested(folder, options)
    paper.say("## The simulation against harvests on this machine\n")
    rows = list(_compared(by_workers, disk_s(folder, 1)))
    head = "workers | CPU ms a frame | harvested s | simulated s"
    paper.table(f"{head} | simulated / harvested", rows)
    return all(abs(float(row[-1]) - 1) <= _WRONG for row in rows)


def _harvested(
    folder: Path, options: argparse.Namespace
) -> dict[int, dict[int, list[Measured]]]:
    """Harvest with each number of workers, in turns; by workers and galaxies."""
    manners = {n: _manner(options.executor, n) for n in _CHECKED}
    found: dict[int, dict[int, list[Measured]]] = {
        n: {_FEW: [], _MANY: []} for n in _CHECKED
    }
    with sky(
        folder / "check", *Sky("sdss", _MANY, _PER_FRAME).options(), latency_s={}
    ) as running:
        paths = {n: beginning(running.catalogue, n) for n in (_FEW, _MANY)}
        harvest(running, "sdss", paths[_MANY], folder / "warm", BRISK)
        for order in turns(_CHECKED, options.rounds):
            for workers in order:
                for size, path in paths.items():
                    one = harvest(
                        running, "sdss", path, folder / "out", manners[workers]
                    )
                    found[workers][size].append(one)
    return found


def _manner(executor: str, workers: int) -> Manner:
    files = {"HARVESTER__SERVICES__SDSS_SAS__FILES": str(_CONNECTIONS)}
    return Manner(BRISK.environment | files, ("--executor", f"{executor}{workers}"))


def _compared(
    by_workers: dict[int, dict[int, list[Measured]]], on_disk_s: float
) -> Iterator[list[str]]:
    cores = len(os.sched_getaffinity(0))
    for workers, by_size in by_workers.items():
        few, many = by_size[_FEW], by_size[_MANY]
        cost = difference(few, many, on_disk_s)
        real_s = median(one.wall_s for one in many) - median(one.wall_s for one in few)
        frames = many[0].frames - few[0].frames
        engine = Engine(workers, cores=cores)
        told = simulate(frames, cost, _loopback(), engine).seconds
        cpu_ms = 1e3 * (cost.fetch_s + cost.cut_s + cost.serve_s)
        seconds = (f"{real_s:.1f}", f"{told:.1f}", f"{told / real_s:.2f}")
        yield [str(workers), f"{cpu_ms:.0f}", *seconds]


def _loopback() -> Host:
    """Give a host that allows what `_manner` says."""
    return Host(
        rate=100, connections=_CONNECTIONS, latency_s=0, connection=1e9, line=1e10
    )


# -- the simulation --------------------------------------------------------------


def simulated(paper: Paper, costs: Costs) -> None:
    """Print what frames cost, and how harvests of all sizes end."""
    paper.say("## What was measured\n")
    paper.say(f"A target: {1e6 * costs.target_s:.0f} us to read, locate and list.\n")
    head = "survey | stamps a frame | requests | MB | fetch ms | cut ms | settle ms"
    paper.table(f"{head} | disk ms", _cost_rows(costs))
    for survey in FRAMES:
        paper.say(f"## {_NAMES[survey]}\n")
        for words, spread in _SPREADS:
            paper.say(f"{words}\n")
            head = " | ".join(counted(n, "worker") for n in WORKERS)
            rows = [_row(survey, n, costs, spread) for n in TARGETS]
            paper.table(f"targets | frames | GB | knee | {head}", rows)


def _cost_rows(costs: Costs) -> Iterator[list[str]]:
    for survey, some in costs.frames.items():
        for stamps, one in some.items():
            times = (one.fetch_s, one.cut_s, one.settle_s, one.disk_s)
            figures = [f"{one.requests:.2f}", f"{one.size / 1e6:.2f}"]
            yield [survey, str(stamps), *figures, *(f"{1e3 * s:.1f}" for s in times)]


#: How a harvest may be spread: words for it, and what each worker does.
_SPREADS = (
    (
        "One orchestrator, which fetches; the workers cut (`--executor dask://`).",
        {"workers_fetch": False, "is_split": False},
    ),
    (
        "One orchestrator; the workers fetch and cut (`work.frames_by = workers`).",
        {"workers_fetch": True, "is_split": False},
    ),
    (
        "A part of the catalogue for each worker (`harvester split`).",
        {"workers_fetch": True, "is_split": True},
    ),
)


def _engine(workers: int, *, workers_fetch: bool, is_split: bool) -> Engine:
    return Engine(workers, workers_fetch, parts=workers if is_split else 1)


def _row(survey: str, targets: int, costs: Costs, spread: dict[str, bool]) -> list[str]:
    frames = frames_of(survey, targets)
    cost = interpolated(costs.frames[survey], targets / frames)
    every = {}
    for workers in WORKERS:
        engine = _engine(workers, **spread)
        outcome = simulate(frames, cost, host(survey), engine)
        every[workers] = _with_targets(outcome, targets * costs.target_s / engine.parts)
    best_s = min(one.seconds for one in every.values())
    knee = next(n for n, one in every.items() if one.seconds <= _KNEE * best_s)
    size = f"{frames * cost.size / 1e9:,.0f}"
    cells = [f"{one.seconds / 3600:.1f} h, {one.limit}" for one in every.values()]
    return [f"{targets:,}", f"{frames:,}", size, str(knee), *cells]


def _with_targets(outcome: Outcome, seconds: float) -> Outcome:
    """Add the time in which targets are read, located and listed."""
    return replace(outcome, seconds=outcome.seconds + seconds)


def frames_of(survey: str, targets: int) -> int:
    """Give in how many frames so many targets lie, dealt to all of them at random."""
    every = FRAMES[survey]
    return round(every * -math.expm1(-targets / every))


def host(survey: str) -> Host:
    """Give what the settings allow at the host of a survey's files."""
    service = Settings().services.named(_SERVICES[survey])
    latency_s, connection, line = LINES[survey]
    return Host(service.rate, service.files, latency_s, connection * 1e6, line * 1e6)


if __name__ == "__main__":
    main()

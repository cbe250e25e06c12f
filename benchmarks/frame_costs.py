"""What frames cost, by the number of stamps in each: CPU, bytes, requests, the disk.

Two harvests with the same sky differ only in the number of frames, so that the start
and the end of a harvest drop out. They take turns, and the median of the rounds counts.
CPU of the sandbox is counted apart: in a real harvest another machine pays for it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from contest import SURVEYS, Contestant, Sky, compete
from floor import count_frames
from harvests import HOLDERS
from long_catalogues import by_identifier, read_galaxies
from scale import Command
from simulation import FrameCost
from skies import LATENCY_S, sky
from turns import turns

from harvester.cutouts.stamp_file import StampFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skies import Running

#: Stamps in a frame, and galaxies of the shorter and of the longer harvest.
_SKIES = {
    "sdss": ((1, 8, 56), (5, 40, 160), (40, 160, 640), (200, 400, 1600)),
    "hst": ((1, 8, 48), (12, 48, 192)),
}

_TOOK = Path(__file__).with_name("took.py")

#: Targets of two catalogues; what one of them costs is the difference.
_TARGETS = (20_000, 120_000)

#: Bits of an identifier below those of its field.
_FIELD_BITS = 16

#: Bytes of a stamp of 40 x 40 pixels; threads and frames that write.
_STAMP, _WRITERS, _WRITTEN = 14_400, 4, 24


@dataclass(frozen=True)
class Measured:
    """One harvest."""

    frames: int
    stamps: int
    #: CPU seconds of the orchestrator, of the processes it started, of the sandbox.
    own_s: float
    others_s: float
    sandbox_s: float
    wall_s: float
    requests: int
    received: int


@dataclass(frozen=True)
class Manner:
    """How frames are asked for, which decides in which way they come, and cut."""

    environment: dict[str, str] = field(default_factory=dict)
    #: Further options of the command.
    words: tuple[str, ...] = ()
    latency_s: dict[str, float] = field(default_factory=dict)
    #: MB/s of all connections; 0: no limit.
    line: float = 0.0


#: As many at once as this machine bears.
BRISK = Manner(
    {
        f"HARVESTER__SERVICES__{name}__{what}": "100"
        for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
        for what in ("RATE", "FILES")
    }
)

#: With the harvester's own limits, over a line as that of a laboratory.
ORDINARY = Manner(latency_s=LATENCY_S, line=20.0)


def frame_costs(
    survey: str,
    folder: Path,
    rounds: int,
    manner: Manner = ORDINARY,
) -> dict[int, FrameCost]:
    """Measure frames with one stamp to 200; give the cost of each number.

    All CPU of the orchestrator counts as fetching: `settled` tells the rest apart.
    """
    found = {}
    for stamps, few, many in _SKIES[survey]:
        own = folder / f"{survey}-{stamps}"
        where = Sky(survey, many, stamps)
        with sky(own / "sky", *where.options(), latency_s=manner.latency_s) as running:
            running.limit(manner.line)
            shorter, longer = _both(running, own, where, few, rounds, manner)
        found[stamps] = difference(shorter, longer, disk_s(own, stamps))
    return found


def stamp_settle_s(costs: dict[int, FrameCost]) -> float:
    """Give the CPU seconds in which the orchestrator settles a stamp.

    Frames of SDSS with many stamps are fetched whole: what more stamps cost is that.
    """
    low, high = sorted(costs)[-2:]
    more_s = costs[high].fetch_s - costs[low].fetch_s
    return max(0.0, more_s / (high - low))


def settled(
    costs: dict[int, FrameCost], frame_s: float, stamp_s: float
) -> dict[int, FrameCost]:
    """Tell settling apart from fetching: CPU seconds of a frame, and of each stamp."""
    return {
        stamps: replace(
            one,
            settle_s=frame_s + stamps * stamp_s,
            fetch_s=max(0.0, one.fetch_s - frame_s - stamps * stamp_s),
        )
        for stamps, one in costs.items()
    }


def target_s(folder: Path) -> float:
    """Measure the CPU seconds of a target: read, located, and in the manifest."""
    took: list[float] = []
    options = ("--targets", "60", "--per-field", "5", "--no-hst-images")
    with sky(folder / "targets", *options, latency_s={}) as running:
        real = read_galaxies(running.catalogue)
        for targets in _TARGETS:
            own = folder / f"targets-{targets}"
            own.mkdir()
            catalogue, out = own / "catalogue.parquet", own / "out"
            pq.write_table(pa.table(by_identifier(real, targets)), catalogue)
            words = ("--out", out, *running.flags(), "--locate-only")
            run = Command(own, "run", catalogue, "--survey", SURVEYS["sdss"], *words)
            took.append(run.took(0).cpu_s)
            took[-1] += Command(own, "manifest", out).took(0).cpu_s
    return (took[1] - took[0]) / (_TARGETS[1] - _TARGETS[0])


def _both(
    running: Running, folder: Path, where: Sky, few: int, rounds: int, manner: Manner
) -> list[list[Measured]]:
    """Harvest a few galaxies of a sky, and all of them, in turns."""
    sizes = [few, where.galaxies]
    catalogues = {size: beginning(running.catalogue, size) for size in sizes}
    found: dict[int, list[Measured]] = defaultdict(list)
    survey, out = where.survey, folder / "out"
    harvest(running, survey, catalogues[where.galaxies], out, manner)
    for order in turns(sizes, rounds):
        for size in order:
            found[size].append(harvest(running, survey, catalogues[size], out, manner))
    return [found[size] for size in sizes]


def beginning(catalogue: Path, size: int) -> Path:
    """Write some galaxies of a sandbox's catalogue, field by field, to their own."""
    row = Table.read(catalogue)[0]
    path = catalogue.with_name(f"first-{size}.fits")
    by_field = np.argsort(row["OBJID"] >> _FIELD_BITS, kind="stable")[:size]
    Table({name: row[name][by_field] for name in ("OBJID", "RA", "DEC")}).write(path)
    return path


def harvest(
    running: Running,
    survey: str,
    catalogue: Path,
    out: Path,
    manner: Manner,
) -> Measured:
    """Harvest a catalogue; tell what it took."""
    own = out.with_suffix(".own.json")
    command = [sys.executable, str(_TOOK), str(own), "run", str(catalogue)]
    command += [*running.flags(), "--survey", SURVEYS[survey], "--size", "40px"]
    contestant = Contestant([*command, *manner.words, "--out"], manner.environment)
    sandbox = psutil.Process().children()[0]
    before_s = _cpu_s(sandbox)
    result = compete(running, contestant, out)
    took = json.loads(own.read_text())
    return Measured(
        frames=count_frames(out),
        stamps=result.stamps,
        own_s=took["cpu_s"],
        others_s=result.cpu_s - took["cpu_s"],
        sandbox_s=_cpu_s(sandbox) - before_s,
        wall_s=took["wall_s"],
        requests=result.requests[HOLDERS[survey]],
        received=result.received,
    )


def _cpu_s(process: psutil.Process) -> float:
    every = [process, *process.children(recursive=True)]
    return float(sum(sum(one.cpu_times()[:2]) for one in every))


def difference(
    shorter: list[Measured], longer: list[Measured], disk_s: float
) -> FrameCost:
    """Give the cost of a frame, of which longer harvests have more.

    All CPU of the orchestrator counts as fetching. ``disk_s``: seconds of the disk.
    """

    def of(name: str) -> float:
        few, many = (
            median(float(getattr(one, name)) for one in some)
            for some in (shorter, longer)
        )
        return (many - few) / (longer[0].frames - shorter[0].frames)

    return FrameCost(
        requests=of("requests"),
        size=of("received"),
        fetch_s=of("own_s"),
        cut_s=of("others_s"),
        settle_s=0.0,
        disk_s=disk_s,
        serve_s=of("sandbox_s"),
    )


def disk_s(folder: Path, stamps: int) -> float:
    """Give the seconds of the disk for the stamps of a frame, written by several."""
    content = os.urandom(_STAMP)

    def write(frame: int) -> None:
        root = folder / "written"
        root.mkdir(exist_ok=True)
        with StampFolder(root) as written:
            for number in range(stamps):
                written.write(f"{frame % 7}/{frame}-{number}.fits", content)

    frames = max(4, _WRITTEN // stamps)
    began = time.perf_counter()
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, range(frames)))
    return (time.perf_counter() - began) / frames


def interpolated(costs: dict[int, FrameCost], stamps: float) -> FrameCost:
    """Give the cost of a frame with any number of stamps.

    Between two measured numbers on a straight line; beyond the last, on the one
    through the last two. Requests, bytes and fetching stay at the largest measured.
    """
    known = sorted(costs)
    upper = next((i for i, one in enumerate(known) if one >= stamps), len(known) - 1)
    low, high = known[max(0, upper - 1)], known[max(1, upper)]
    part = max(0.0, (stamps - low) / (high - low))
    return FrameCost(**dict(_between(costs[low], costs[high], part)))


def _between(
    one: FrameCost, other: FrameCost, part: float
) -> Iterator[tuple[str, float]]:
    for name, first in vars(one).items():
        second = vars(other)[name]
        value = first + part * (second - first)
        is_bounded = name in ("requests", "size", "fetch_s")
        yield name, min(value, max(first, second)) if is_bounded else max(0.0, value)

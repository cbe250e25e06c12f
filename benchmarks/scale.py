"""Memory and time from ten thousand targets to a million; memory should stay the same.

    python benchmarks/scale.py                      # half an hour, 8 GB of disk
    python benchmarks/scale.py --targets 5000,50000 --by-position
    python benchmarks/scale.py --targets 10000000 --surveys sdss:r  # locating, status

A catalogue in Parquet has the galaxies of a small sandbox first, then so many others
that it is as long as was asked for. It is read, its targets are located in five bands,
billed and told about, and the first stamps are harvested with a full frame cache, until
SIGTERM; each by a command in a process of its own. Exits with 1 if the longest
catalogue takes more memory than it may, a frame takes more time to take or to release
with it than with the shortest one, a harvest does not stop in time, or the event loop
is held up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from long_catalogues import by_identifier, by_position, read_galaxies
from skies import sky

from harvester.ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skies import Running

#: Galaxies of the sandbox, some more than are harvested, and of one of its fields.
_REAL, _PER_FIELD = 2200, 50

#: Allowed memory for the most targets: this factor of that for the fewest, and MB.
_FACTOR, _MORE_MB = 1.3, 100
#: Bytes a target more while its catalogue is read: see docs/performance.md.
_READING = 150

#: High rates, because pauses between requests are not measured.
_BRISK = {
    f"HARVESTER__SERVICES__{name}__RATE": "100"
    for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
}

#: Script that runs a command and measures its process.
_TOOK = Path(__file__).with_name("took.py")
_PER_FRAME = Path(__file__).with_name("per_frame.py")

#: Name of the copy of a ledger for timing frames.
_LOCATED = "located.sqlite"

#: Least number of targets with enough frames to be timed.
_FEWEST = 4000

#: With more targets only locating and status are measured.
_ALL_STEPS = 10**6

#: Allowed ratio of the time for a frame, most to fewest targets.
_FLAT = 1.5

#: Seconds from SIGTERM to the exit: a container gets ten.
_STOP_S = 8.0

#: Milliseconds of CPU in which 99 of 100 callbacks of the event loop must be through.
_LOOP_MS = 20.0

#: Targets for each file that is in the frame cache before the harvest begins; bytes of
#: each, and of all together at most. They are sparse and take no room.
_TARGETS_A_FILE, _FILE_BYTES, _FILES_BYTES = 20, 4_000_000, 16_000_000_000


@dataclass(frozen=True)
class Took:
    """What one command took."""

    peak_mb: float
    wall_s: float
    #: Of its own process.
    cpu_s: float
    code: int
    #: How long the callbacks of its event loop ran, as in `took.Callbacks`.
    callbacks: dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """What a number of targets took."""

    targets: int
    reading: Took
    locating: Took
    telling: Took
    ledger_bytes: int
    rest: Rest | None


@dataclass(frozen=True)
class Rest:
    """Times of the steps that are skipped for very many targets."""

    billing: Took
    harvesting: Took
    #: Seconds from SIGTERM to the exit.
    stop_s: float
    #: At the end of the harvest.
    stamps: int


class Command:
    """A running command of the harvester."""

    def __init__(self, folder: Path, *words: object, **more: str) -> None:
        self._report = folder / "took.json"
        self._report.unlink(missing_ok=True)
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, _TOOK, self._report, *map(str, words)],
                env=os.environ | _BRISK | more,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def took(self, *codes: int) -> Took:
        """Wait for its end, which must be one of the exit codes."""
        self.process.wait()
        if not self._report.exists():
            sys.exit(f"it ended without a word:\n{self._log.read_text()}")
        took = Took(**json.loads(self._report.read_text()))
        if took.code not in codes:
            sys.exit(f"it ended with {took.code}:\n{self._log.read_text()}")
        return took


def main() -> None:
    """Measure each number of targets, print a table, judge it."""
    options = _options()
    found = []
    words = ["--targets", str(_REAL), "--per-field", str(_PER_FIELD)]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        words.append("--no-hst-images")
        with sky(folder / "sky", *words, latency_s={}) as running:
            for targets in options.targets:
                own = folder / str(targets)
                own.mkdir()
                found.append(measure(running, targets, own, options))
                print("\n".join(_table(found, [])), flush=True)
        ledgers = [folder / str(one.targets) / _LOCATED for one in found if one.rest]
        frames = measure_frames(ledgers)
    print("\n".join(_table(found, frames)), flush=True)
    judge = _judgements if options.judge == "all" else _memory_judgements
    sys.exit(0 if all(list(judge(found, frames))) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--targets", type=_numbers, default=[10**4, 10**5, 10**6])
    parser.add_argument("--stamps", type=int, default=2000, help="harvested of each")
    parser.add_argument("--surveys", default="sdss:u,g,r,i,z", help="one survey")
    parser.add_argument(
        "--by-position", action="store_true", help="identifiers do not tell the field"
    )
    parser.add_argument(
        "--judge", choices=("all", "memory"), default="all", help="what must be flat"
    )
    parser.add_argument("--folder", type=Path, help="where there is room")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    numbers = sorted(int(word) for word in text.split(","))
    if numbers[0] < _FEWEST:
        msg = f"{_FEWEST} targets are the fewest that have enough frames"
        raise argparse.ArgumentTypeError(msg)
    return numbers


def measure(
    running: Running, targets: int, folder: Path, options: argparse.Namespace
) -> Scale:
    """Run the commands for a number of targets, one after another."""
    catalogue, out = folder / "catalogue.parquet", folder / "out"
    real = read_galaxies(running.catalogue)
    if targets > _ALL_STEPS:  # labels would take gigabytes of memory here
        real = {name: real[name] for name in ("OBJID", "RA", "DEC")}
    make = by_position if options.by_position else by_identifier
    pq.write_table(pa.table(make(real, targets)), catalogue)
    reading = Command(folder, "inspect", catalogue).took(0)
    flags = ("--out", out, "--survey", options.surveys, *running.flags())
    locating = Command(folder, "run", catalogue, *flags, "--locate-only").took(0)
    size = (out / "ledger.sqlite").stat().st_size
    telling = Command(folder, "status", out).took(0)
    rest = measure_rest(folder, out, options) if targets <= _ALL_STEPS else None
    shutil.rmtree(out)
    return Scale(targets, reading, locating, telling, size, rest)


def measure_rest(folder: Path, out: Path, options: argparse.Namespace) -> Rest:
    """Measure all steps after locating."""
    shutil.copy(out / "ledger.sqlite", folder / _LOCATED)
    billing = Command(folder, "plan", out).took(0)
    harvesting, stop_s = _harvest(folder, out, options.stamps)
    return Rest(billing, harvesting, stop_s, _stamps(out))


def measure_frames(ledgers: list[Path]) -> list[dict[str, float]]:
    """Give milliseconds to take and to release a frame, as `per_frame` does."""
    told = subprocess.run(
        [sys.executable, _PER_FRAME, *ledgers], check=True, stdout=subprocess.PIPE
    )
    found: list[dict[str, float]] = json.loads(told.stdout)
    return found


def _harvest(folder: Path, out: Path, stamps: int) -> tuple[Took, float]:
    """Harvest until there are enough stamps; give the costs, and the time to stop."""
    with LedgerView.open(out / "ledger.sqlite") as view:
        files = view.count("target") // _TARGETS_A_FILE
    budget = _fill_cache(out / "frames", files)
    more = {"HARVESTER__WORK__FRAME_CACHE_BYTES": str(budget)}
    command = Command(folder, "resume", out, **more)
    while _stamps(out) < max(1, stamps) and command.process.poll() is None:
        time.sleep(0.2)
    command.process.send_signal(signal.SIGTERM)
    began = time.perf_counter()
    command.process.wait()
    stop_s = time.perf_counter() - began
    return command.took(0, 128 + signal.SIGTERM), stop_s


def _fill_cache(frames: Path, files: int) -> int:
    """Put files there as an earlier run leaves them; give the bytes of all."""
    frames.mkdir(exist_ok=True)
    size = min(_FILE_BYTES, _FILES_BYTES // files)
    for number in range(files):
        with (frames / f"{number}.fits").open("wb") as file:
            file.truncate(size)
    return files * size


def _stamps(out: Path) -> int:
    with LedgerView.open(out / "ledger.sqlite") as view:
        return view.count_cutouts()


def _steps(one: Scale) -> dict[str, str]:
    """Give the figures of a number of targets, in the order of the table."""
    locating, rest = one.locating, one.rest
    found = {
        "reading: peak MB": f"{one.reading.peak_mb:.0f}",
        "locating: peak MB": f"{locating.peak_mb:.0f}",
        "us a target": f"{1e6 * locating.wall_s / one.targets:.0f}",
        "CPU us": f"{1e6 * locating.cpu_s / one.targets:.0f}",
        "ledger B a target": f"{one.ledger_bytes / one.targets:.0f}",
        "status s": f"{one.telling.wall_s:.2f}",
    }
    if rest is None:
        return found
    loop = rest.harvesting.callbacks
    return found | {
        "plan: peak MB": f"{rest.billing.peak_mb:.0f}",
        "plan s": f"{rest.billing.wall_s:.1f}",
        "harvest: peak MB": f"{rest.harvesting.peak_mb:.0f}",
        "harvest s": f"{rest.harvesting.wall_s:.1f}",
        "stamps": f"{rest.stamps}",
        "stop s": f"{rest.stop_s:.1f}",
        "callbacks": f"{loop['count']}",
        "p99 ms": f"{loop['p99_ms']:.2f}",
        "p99.99 ms": f"{loop['p9999_ms']:.1f}",
        "most ms": f"{loop['most_ms']:.1f}",
        "most on the clock ms": f"{loop['most_wall_ms']:.1f}",
    }


def _table(found: list[Scale], frames: list[dict[str, float]]) -> Iterator[str]:
    """Give a row for each step, and the ratio of the most targets to the fewest."""
    columns = [_steps(one) for one in found]
    for column, frame in zip(columns, frames, strict=False):
        column |= {step: f"{figure:.3f}" for step, figure in frame.items()}
    yield f"| step | {' | '.join(f'{one.targets:,}' for one in found)} | ratio |"
    yield f"|{'---|' * (len(found) + 2)}"
    for step in dict.fromkeys(step for column in columns for step in column):
        cells = [column.get(step, "") for column in columns]
        known = [float(cell) for cell in cells if cell]
        ratio = f"{known[-1] / known[0]:.2f}" if known[0] else ""
        yield f"| {step} | {' | '.join(cells)} | {ratio} |"


def _memory_judgements(found: list[Scale], _frames: object) -> Iterator[bool]:
    reading_mb = _READING * found[-1].targets / 1e6
    yield _is_within_memory("reading", [one.reading for one in found], reading_mb)
    yield _is_within_memory("locating", [one.locating for one in found])
    if full := [one.rest for one in found if one.rest]:
        yield _is_within_memory("harvesting", [one.harvesting for one in full])


def _judgements(found: list[Scale], frames: list[dict[str, float]]) -> Iterator[bool]:
    yield from _memory_judgements(found, frames)
    full = [one.rest for one in found if one.rest]
    if not full:
        return
    for name in ("take cpu_ms", "release cpu_ms"):
        ratio = frames[-1][name] / frames[0][name]
        yield _judge(f"{name}: the most by the fewest", ratio, _FLAT)
    yield _judge("seconds to stop", max(one.stop_s for one in full), _STOP_S)
    p99_ms = max(one.harvesting.callbacks["p99_ms"] for one in full)
    yield _judge("p99 of the event loop, ms", p99_ms, _LOOP_MS)
    for one in full:
        loop = one.harvesting.callbacks
        print(f"slowest callback: {loop['most_ms']:.1f} ms, {loop['slowest']}")


def _is_within_memory(name: str, took: list[Took], more_mb: float = 0) -> bool:
    allowed = _FACTOR * took[0].peak_mb + _MORE_MB + more_mb
    return _judge(f"{name}, MB", took[-1].peak_mb, allowed)


def _judge(what: str, found: float, allowed: float) -> bool:
    print(f"{what}: {found:.2f}, allowed are {allowed:.2f}")
    return found <= allowed


if __name__ == "__main__":
    main()

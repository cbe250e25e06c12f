"""Memory and time from ten thousand targets to a million, which should be flat.

    python benchmarks/scale.py                      # half an hour, 3 GB of disk
    python benchmarks/scale.py --targets 1000,20000 --by-position

For each number of targets a sky of as many galaxies is served, all of them in one
Parquet catalogue. They are located, billed and told about, and the first stamps are
harvested, each by a command in a process of its own. Exits with 1 if the largest
catalogue takes more memory than it may.
"""

from __future__ import annotations

import argparse
import json
import os
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
from astropy.io import fits
from skies import HARVESTER, sky

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Galaxies of a field: so many fields have room on the sandbox's sky.
_PER_FIELD = 50

#: What the most targets may take: this times what the fewest take, and so many MB.
_FACTOR, _MORE_MB = 1.3, 100

#: Pauses between requests are not what is measured.
_BRISK = {
    f"HARVESTER__SERVICES__{name}__RATE": "100"
    for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
}

#: Runs a command and tells what its process took. Not by getrusage, whose peak begins
#: with that of the process that started it.
_MEASURED = """
import json, re, sys, time
from pathlib import Path
began = time.perf_counter()
from harvester.cli import main
code = 0
try:
    main(sys.argv[2:], standalone_mode=False)
except SystemExit as leaving:
    code = leaving.code
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
Path(sys.argv[1]).write_text(json.dumps({
    "peak_mb": int(peak[1]) / 1000,
    "wall_s": time.perf_counter() - began,
    "cpu_s": time.process_time(),
    "code": code,
}))
"""


@dataclass(frozen=True)
class Took:
    """What one command took."""

    peak_mb: float
    wall_s: float
    #: Of its own process.
    cpu_s: float
    code: int


@dataclass(frozen=True)
class Scale:
    """What so many targets took."""

    targets: int
    locating: Took
    billing: Took
    telling: Took
    harvesting: Took
    #: At the end of the harvest.
    stamps: int
    ledger_bytes: int


class Command:
    """A command of the harvester under way."""

    def __init__(self, folder: Path, *words: object) -> None:
        self._report = folder / "took.json"
        self._report.unlink(missing_ok=True)
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", _MEASURED, self._report, *map(str, words)],
                env=os.environ | _BRISK,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def took(self, *codes: int) -> Took:
        """Wait for its end, which must be one of the exit codes."""
        self.process.wait()
        took = Took(**json.loads(self._report.read_text()))
        if took.code not in codes:
            sys.exit(f"it ended with {took.code}:\n{self._log.read_text()}")
        return took


def main() -> None:
    """Measure each number of targets, print a table, judge the memory."""
    options = _options()
    found = []
    for targets in options.targets:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found.append(measure(targets, Path(folder), options))
        print(f"{targets:,} done", file=sys.stderr, flush=True)
    print("\n".join(_table(found)))
    sys.exit(0 if all(_judgements(found)) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--targets", type=_numbers, default=[10**4, 10**5, 10**6])
    parser.add_argument("--stamps", type=int, default=2000, help="harvested of each")
    parser.add_argument(
        "--by-position", action="store_true", help="identifiers do not tell the field"
    )
    parser.add_argument("--folder", type=Path, help="where there is room")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return sorted(int(word) for word in text.split(","))


def measure(targets: int, folder: Path, options: argparse.Namespace) -> Scale:
    """Let the commands work on so many targets, one after the other."""
    words = ["--targets", str(targets), "--per-field", str(_PER_FIELD)]
    with sky(folder / "sky", *words, "--no-hst-images", latency_s={}) as running:
        catalogue, out = folder / "catalogue.parquet", folder / "out"
        write_parquet(running.catalogue, catalogue, nameless=options.by_position)
        flags = ("--out", out, *running.flags())
        located = Command(folder, "run", catalogue, *flags, "--locate-only").took(0)
        size = (out / "ledger.sqlite").stat().st_size
        billing = Command(folder, "plan", out).took(0)
        telling = Command(folder, "status", out).took(0)
        harvesting, stamps = _harvest(folder, out, options.stamps)
    return Scale(targets, located, billing, telling, harvesting, stamps, size)


def write_parquet(catalogue: Path, path: Path, *, nameless: bool) -> None:
    """Turn a catalogue of one row of vectors into a table in Parquet."""
    row = fits.getdata(catalogue)[0]
    columns = {
        name: row[name].astype(row[name].dtype.newbyteorder("="))
        for name in row.array.names
    }
    if nameless:
        columns["OBJID"] = [f"galaxy {number}" for number in range(len(columns["RA"]))]
    pq.write_table(pa.table(columns), path)


def _harvest(folder: Path, out: Path, stamps: int) -> tuple[Took, int]:
    """Go on until there are so many stamps; give what that took, and how many."""
    command = Command(folder, "resume", out)
    while _stamps(out) < stamps and command.process.poll() is None:
        time.sleep(0.2)
    command.process.send_signal(signal.SIGTERM)
    return command.took(0, 128 + signal.SIGTERM), _stamps(out)


def _stamps(out: Path) -> int:
    told = subprocess.run(  # noqa: S603 - ourselves
        [*HARVESTER, "status", str(out), "--json"], check=True, capture_output=True
    )
    report: dict[str, Any] = json.loads(told.stdout)
    return int(report["cutouts"])


def _table(found: list[Scale]) -> Iterator[str]:
    head = (
        *("targets", "locating: peak MB", "us a target", "CPU us", "ledger B a target"),
        *("plan: peak MB", "s", "status s", "harvest: peak MB", "s", "stamps"),
    )
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for one in found:
        cells = (
            f"{one.targets:,}",
            f"{one.locating.peak_mb:.0f}",
            f"{1e6 * one.locating.wall_s / one.targets:.0f}",
            f"{1e6 * one.locating.cpu_s / one.targets:.0f}",
            f"{one.ledger_bytes / one.targets:.0f}",
            f"{one.billing.peak_mb:.0f}",
            f"{one.billing.wall_s:.1f}",
            f"{one.telling.wall_s:.2f}",
            f"{one.harvesting.peak_mb:.0f}",
            f"{one.harvesting.wall_s:.1f}",
            f"{one.stamps:,}",
        )
        yield f"| {' | '.join(cells)} |"


def _judgements(found: list[Scale]) -> Iterator[bool]:
    for name in ("locating", "harvesting"):
        least, most = (getattr(one, name).peak_mb for one in (found[0], found[-1]))
        allowed = _FACTOR * least + _MORE_MB
        print(f"{name}: {most:.0f} MB, allowed are {allowed:.0f} MB")
        yield most <= allowed


if __name__ == "__main__":
    main()

"""Memory and time from ten thousand targets to a million; memory should stay the same.

    python benchmarks/scale.py                      # ten minutes, 2 GB of disk
    python benchmarks/scale.py --targets 5000,50000 --by-position

A catalogue in Parquet has the galaxies of a small sandbox first, then so many others
that it is as long as was asked for. Its targets are located, billed and told about, and
the first stamps are harvested, each by a command in a process of its own. Exits with 1
if the longest catalogue takes more memory than it may.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from skies import HARVESTER, sky

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from skies import Running

    Columns = dict[str, NDArray[Any]]

#: Galaxies of the sandbox, some more than are harvested, and of one of its fields.
_REAL, _PER_FIELD = 2200, 50

#: Made-up galaxies that share a field: as many as in the main sample of SDSS.
_SHARING = 4
#: They lie north of all others, degrees, and so are harvested last.
_NORTH, _POLE = 85.0, 89.9
#: With positions alone they lie around the sandbox's galaxies, degrees.
_AROUND = 0.02

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
    """What a number of targets took."""

    targets: int
    locating: Took
    billing: Took
    telling: Took
    harvesting: Took
    #: At the end of the harvest.
    stamps: int
    ledger_bytes: int


class Command:
    """A running command of the harvester."""

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
        if not self._report.exists():
            sys.exit(f"it ended without a word:\n{self._log.read_text()}")
        took = Took(**json.loads(self._report.read_text()))
        if took.code not in codes:
            sys.exit(f"it ended with {took.code}:\n{self._log.read_text()}")
        return took


def main() -> None:
    """Measure each number of targets, print a table, judge the memory."""
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
                print("\n".join(_table(found)), flush=True)
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


def measure(
    running: Running, targets: int, folder: Path, options: argparse.Namespace
) -> Scale:
    """Run the commands for a number of targets, one after another."""
    catalogue, out = folder / "catalogue.parquet", folder / "out"
    real = read_galaxies(running.catalogue)
    make = by_position if options.by_position else by_identifier
    pq.write_table(pa.table(make(real, targets)), catalogue)
    flags = ("--out", out, *running.flags())
    locating = Command(folder, "run", catalogue, *flags, "--locate-only").took(0)
    size = (out / "ledger.sqlite").stat().st_size
    billing = Command(folder, "plan", out).took(0)
    telling = Command(folder, "status", out).took(0)
    harvesting, stamps = _harvest(folder, out, options.stamps)
    return Scale(targets, locating, billing, telling, harvesting, stamps, size)


def read_galaxies(catalogue: Path) -> Columns:
    """Read the sandbox's catalogue: one row, each column a vector."""
    row = fits.getdata(catalogue)[0]
    return {
        name: row[name].astype(row[name].dtype.newbyteorder("="))
        for name in row.array.names
    }


def by_identifier(real: Columns, targets: int) -> Columns:
    """Add galaxies whose identifiers name fields that the sandbox does not have."""
    more = targets - len(real["RA"])
    fields = _fields_of_others(real["OBJID"])[: -(-more // _SHARING)]
    place, serial = np.divmod(np.arange(more), _SHARING)
    return _longer(
        real,
        OBJID=(1 << 59 | 40 << 48) + fields[place] + serial,
        RA=(0.37 * place + 0.01 * serial) % 360,
        DEC=np.linspace(_NORTH, _POLE, more),
    )


def _fields_of_others(identifiers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give run, camcol and field of observed runs that are not among these."""
    used = set((identifiers >> 32 & 0xFFFF).tolist())
    text = files("harvester.archives.sdss").joinpath("sdss_runs.csv").read_text("ascii")
    return np.array(
        [
            run << 32 | camcol << 29 | field << 16
            for row in csv.DictReader(text.splitlines())
            if (run := int(row["run"])) not in used
            for camcol in range(1, 7)
            for field in range(int(row["first_field"]), int(row["last_field"]) + 1)
        ]
    )


def by_position(real: Columns, targets: int) -> Columns:
    """Add galaxies around the existing ones, all named by a number."""
    more = targets - len(real["RA"])
    random = np.random.default_rng(1)
    around = random.integers(0, len(real["RA"]), more)
    columns = _longer(
        real,
        RA=(real["RA"][around] + random.uniform(-_AROUND, _AROUND, more)) % 360,
        DEC=real["DEC"][around] + random.uniform(-_AROUND, _AROUND, more),
    )
    return columns | {"OBJID": np.arange(targets)}


def _longer(real: Columns, **more: NDArray[Any]) -> Columns:
    places = np.arange(len(more["RA"])) % len(real["RA"])
    return {
        name: np.concatenate([column, more.get(name, column[places])])
        for name, column in real.items()
    }


def _harvest(folder: Path, out: Path, stamps: int) -> tuple[Took, int]:
    """Harvest until there are enough stamps; give the costs, and their number."""
    command = Command(folder, "resume", out)
    while _stamps(out) < max(1, stamps) and command.process.poll() is None:
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

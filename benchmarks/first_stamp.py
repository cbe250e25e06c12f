"""Time from the start of ``harvester run`` to the first stamp on disk.

``python benchmarks/first_stamp.py --before FOLDER`` compares this checkout with another
one. As a yardstick, a process that only imports the same libraries takes its turn in
each round. Bytecode is compiled first, as pip does it when it installs a package.

One galaxy of the catalogue has a wrong identifier, and SkyServer is asked where it is.
With ``--identified`` it is left out, as in a catalogue of galaxies from SDSS alone.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from astropy.table import Table
from import_cost import LIBRARIES
from skies import sky
from turns import turns

from harvester.archives.sdss.routes import sort_by_route
from harvester.models import Ask, Target

if TYPE_CHECKING:
    from skies import Running

HERE = Path(__file__).resolve().parent.parent

_YARDSTICK = f"import gc; gc.disable(); import {LIBRARIES}"

#: Seconds after which a contestant has failed, and between two looks at its folder.
_PATIENCE_S = 120
_LOOK_S = 0.005


@dataclass(frozen=True)
class Start:
    """One start: until the first stamp, or until the end of the yardstick."""

    wall_s: float
    #: Seconds of CPU of the process until its first frame arrives; without those of the
    #: processes that it started. Of the yardstick until its end.
    cpu_s: float


def main() -> None:
    """Measure all contestants in turns, and print a table."""
    options = _options()
    checkouts = {"harvester": HERE}
    if options.before:
        checkouts["before"] = options.before.resolve()
    for folder in checkouts.values():
        compileall.compile_dir(folder / "harvester", quiet=2)
    starts: dict[str, list[Start]] = {name: [] for name in (*checkouts, "yardstick")}
    latency = {"query": options.query, "file": options.file}
    words = ("--targets", "12", "--per-field", "2", "--no-hst-images")
    with (
        TemporaryDirectory() as scratch,
        sky(Path(scratch) / "sky", *words, latency_s=latency) as running,
    ):
        chosen = _with_catalogue(running, options)
        out = Path(scratch) / "out"
        for number, names in enumerate(turns(starts, options.rounds + 1)):
            for name in names:
                one = _start(checkouts.get(name), chosen, out)
                if number:  # in the first round the sandbox paints its frames
                    starts[name].append(one)
    _print(starts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--catalogue", choices=("fits", "csv"), default="fits")
    parser.add_argument("--identified", action="store_true", help="leave one out")
    parser.add_argument("--query", type=float, default=0.0, help="latency in seconds")
    parser.add_argument("--file", type=float, default=0.0, help="latency in seconds")
    return parser.parse_args()


def _with_catalogue(running: Running, options: argparse.Namespace) -> Running:
    """Write the catalogue in another format, or without the wrong identifier."""
    if options.catalogue == "fits" and not options.identified:
        return running
    table = Table.read(running.catalogue)
    flat = Table({name: table[name][0] for name in ("OBJID", "RA", "DEC")})
    if options.identified:
        asks = [
            Ask(Target(number, str(objid), ra, dec, ""))
            for number, (objid, ra, dec) in enumerate(flat.iterrows())
        ]
        decoded = sort_by_route(asks).decoded
        flat = flat[[target.number for target, _ in decoded]]
    path = running.catalogue.with_name(f"catalogue.{options.catalogue}")
    flat.write(path)
    return replace(running, catalogue=path)


def _start(checkout: Path | None, running: Running, out: Path) -> Start:
    shutil.rmtree(out, ignore_errors=True)
    if checkout is None:
        return _timed([sys.executable, "-c", _YARDSTICK], HERE)
    command = [sys.executable, "-m", "harvester", "run", str(running.catalogue)]
    command += [*running.flags(), "--survey", "sdss:r", "--size", "40px"]
    return _timed([*command, "--out", str(out)], checkout, out)


def _has(out: Path, kind: str) -> bool:
    return any(path.is_file() for path in out.glob(f"{kind}/**/*"))


def _timed(command: list[str], checkout: Path, out: Path | None = None) -> Start:
    """Run a command until it has a stamp in ``out``, or without that to its end."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        command,
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        start = _watched(process.pid, out)
    finally:
        process.terminate()
        code = process.wait()
    if out and not _has(out, "cutouts"):
        sys.exit(f"no stamp, and exit code {code}: {' '.join(command)}")
    return start


def _watched(pid: int, out: Path | None) -> Start:
    began, cpu_s = time.perf_counter(), 0.0
    while not (out and _has(out, "cutouts")):
        if out and not cpu_s and _has(out, "frames"):
            cpu_s = _cpu_s(pid)
        # A process that has ended keeps its figures until it is waited for.
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        if time.perf_counter() - began > _PATIENCE_S:
            sys.exit(f"no stamp within {_PATIENCE_S} s")
        time.sleep(_LOOK_S)
    return Start(time.perf_counter() - began, cpu_s or _cpu_s(pid))


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")


def _print(starts: dict[str, list[Start]]) -> None:
    print(
        "| | s to the first stamp | CPU s to the first frame | s / yardstick | CPU / |"
    )
    print("|---|---|---|---|---|")
    yard = starts["yardstick"]
    for name, own in starts.items():
        wall, cpu = [one.wall_s for one in own], [one.cpu_s for one in own]
        pairs = list(zip(own, yard, strict=True))
        walls = median(a.wall_s / b.wall_s for a, b in pairs)
        cpus = median(a.cpu_s / b.cpu_s for a, b in pairs)
        times = f"{median(wall):.2f} ({min(wall):.2f})"
        used = f"{median(cpu):.2f} ({min(cpu):.2f})"
        print(f"| {name} | {times} | {used} | {walls:.2f} | {cpus:.2f} |")


if __name__ == "__main__":
    main()

"""Whole harvests side by side: the tutorial, the tutorial in threads, the harvester.

Each contestant is a process of its own with its own folder and cache, and they take
turns on one warm sandbox, so that a busy minute of the machine meets all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from floor import count_frames, find_floor, measure, needed_frames
from skies import HARVESTER, sky
from turns import turns

if TYPE_CHECKING:
    from floor import Floor, Machine
    from skies import Running

HERE = Path(__file__).parent

#: What the tutorial harvests, in the harvester's words.
SURVEYS = {"sdss": "sdss:r", "hst": "hst:WFC3/IR:F160W"}

#: Services with the files, for each survey.
HOLDERS = {"sdss": "sdss-sas", "hst": "s3"}

#: Threads of the tutorial in threads.
THREADS = 8


@dataclass(frozen=True)
class Sky:
    """The sky to harvest."""

    survey: str
    galaxies: int
    per_frame: int

    def options(self) -> list[str]:
        """Give the sandbox's options for it."""
        each = str(self.per_frame)
        words = ["--targets", str(self.galaxies), "--per-field", each]
        is_hst = self.survey == "hst"
        return [*words, *(["--per-image", each] if is_hst else ["--no-hst-images"])]


@dataclass(frozen=True)
class Result:
    """One harvest by one contestant."""

    wall_s: float
    cpu_s: float
    stamps: int
    #: Requests that were sent, by service.
    requests: dict[str, int]
    #: Bytes of all replies.
    received: int
    #: Whole files that were fetched more than once.
    repeats: int


@dataclass(frozen=True)
class Raced:
    """The results of the rounds, in their order."""

    results: dict[str, list[Result]]
    #: Floors for the harvester, and the speed of the machine beside each harvest.
    floors: list[Floor]
    machines: list[Machine]
    #: Images that the harvester's stamps were cut from.
    frames: int


def rounds(where: Sky, count: int, folder: Path, *, alone: bool) -> Raced:
    """Let the contestants take turns, or measure only the harvester (``alone``)."""
    results: dict[str, list[Result]] = {}
    floors, machines, frames = [], [], 0
    out = folder / "out"
    with sky(folder / "sky", *where.options()) as running:
        contestants = _contestants(running, where.survey, alone=alone)
        compete(running, contestants["harvester"], out)
        painted = running.files()
        urls = running.found(HOLDERS[where.survey])
        packed = _a_frame(urls, folder) if where.survey == "sdss" else None
        for names in turns(contestants, count):
            for name in names:
                before = measure(packed, urls) if name == "harvester" else None
                result = _compete_warm(running, contestants[name], out, painted)
                results.setdefault(name, []).append(result)
                if before is None:
                    continue
                machines.append(before.or_quicker(measure(packed, urls)))
                counts = (result.requests, result.received)
                needed = needed_frames(out, packed)
                floors.append(find_floor(*counts, needed, machines[-1]))
                frames = count_frames(out)
    return Raced(results, floors, machines, frames)


def _contestants(running: Running, survey: str, *, alone: bool) -> dict[str, list[str]]:
    ours = {"harvester": harvester_command(running, survey)}
    if alone:
        return ours
    return ours | {
        f"{THREADS} threads": _tutorial(running, survey, THREADS),
        "tutorial": _tutorial(running, survey, 1),
    }


def _compete_warm(
    running: Running, command: list[str], out: Path, painted: set[str]
) -> Result:
    """Run one contestant, and again if it requested frames for the first time.

    The sandbox paints a frame when it is first requested: no measured run pays for it.
    """
    result = compete(running, command, out)
    if running.files() <= painted:
        return result
    painted |= running.files()
    return compete(running, command, out)


def _a_frame(urls: list[str], folder: Path) -> Path:
    """Fetch one of the frames that the last harvest requested."""
    path = folder / "frame.fits.bz2"
    with urllib.request.urlopen(urls[0], timeout=60) as reply:
        path.write_bytes(reply.read())
    return path


def scaling(
    where: Sky, processes: list[int], count: int, folder: Path
) -> dict[int, list[Result]]:
    """Harvest with several numbers of worker processes, at high rates."""
    fast = {
        f"HARVESTER__SERVICES__{name}__{what}": "100"
        for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
        for what in ("RATE", "FILES")
    }
    results: dict[int, list[Result]] = {}
    with sky(folder / "sky", *where.options(), latency_s={}) as running:
        command = harvester_command(running, where.survey)
        compete(running, command, folder / "warm", **fast)
        for order in turns(processes, count):
            for number in order:
                own = fast | {"HARVESTER__WORK__PROCESSES": str(number)}
                result = compete(running, command, folder / "out", **own)
                results.setdefault(number, []).append(result)
    return results


def _tutorial(running: Running, survey: str, threads: int) -> list[str]:
    command = [sys.executable, str(HERE / "tutorial.py"), "--survey", survey]
    command += ["--sandbox-ready", str(running.ready), "--threads", str(threads)]
    return [*command, "--catalogue", str(running.catalogue), "--out"]


def harvester_command(running: Running, survey: str) -> list[str]:
    """Give the command of a harvest without its output folder."""
    command = [*HARVESTER, "run", str(running.catalogue), *running.flags()]
    return [*command, "--survey", SURVEYS[survey], "--size", "40px", "--out"]


def compete(
    running: Running, command: list[str], out: Path, **environment: str
) -> Result:
    """Run one contestant with an empty folder; it must succeed."""
    shutil.rmtree(out, ignore_errors=True)
    running.reset()
    report = out.with_suffix(".json")
    environment = os.environ | environment
    # With it each process would compile the harvester again, which pip does only once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, HERE / "measured.py", report, *command, out],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    stats = running.stats()
    return Result(
        **json.loads(report.read_text()),
        stamps=len([*out.glob("*.npy"), *out.glob("cutouts/**/*.fits")]),
        requests={name: one["requests"] for name, one in stats.items()},
        received=sum(one["bytes_sent"] for one in stats.values()),
        repeats=sum(
            times - 1
            for one in stats.values()
            for times in one["fetched_more_than_once"].values()
        ),
    )

"""Whole harvests side by side: the tutorial, the same in threads, the harvester.

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

from decoding import decode_s
from skies import HARVESTER, sky

from harvester.settings import Settings

if TYPE_CHECKING:
    from skies import Running

HERE = Path(__file__).parent

#: What the tutorial harvests, in the harvester's words.
SURVEYS = {"sdss": "sdss:r", "hst": "hst:WFC3/IR:F160W"}

#: Threads of the clever user.
THREADS = 8


@dataclass(frozen=True)
class Sky:
    """What is harvested."""

    survey: str
    galaxies: int
    per_frame: int

    def options(self) -> list[str]:
        """Give the sandbox's options for it."""
        words = ["--targets", str(self.galaxies), "--per-field", str(self.per_frame)]
        return words if self.survey == "hst" else [*words, "--no-hst-images"]


@dataclass(frozen=True)
class Result:
    """One harvest by one contestant."""

    wall_s: float
    cpu_s: float
    stamps: int
    #: Requests that were sent, by service.
    requests: dict[str, int]
    #: Bytes of all answers.
    received: int
    #: Whole files that came a second time, or more often.
    repeats: int


def rounds(
    where: Sky, count: int, folder: Path, *, alone: bool
) -> tuple[dict[str, list[Result]], list[float]]:
    """Let the contestants take turns, or the harvester measure itself ``alone``.

    Returns
    -------
    tuple
        The results of each, in order; and for each round the CPU seconds of unpacking
        a frame, 0 where none is packed.
    """
    results: dict[str, list[Result]] = {}
    decodes = []
    with sky(folder / "sky", *where.options()) as running:
        contestants = {"harvester": harvester_command(running, where.survey)}
        if not alone:
            contestants |= {
                f"{THREADS} threads": _tutorial(running, where.survey, THREADS),
                "tutorial": _tutorial(running, where.survey, 1),
            }
        # Frames are painted when they are first asked for: nobody pays for that.
        for name in list(contestants)[:2]:
            compete(running, contestants[name], folder / "warm")
        packed = _a_frame(running, folder / "frame.bz2")
        for _ in range(count):
            decodes.append(decode_s(packed) if packed else 0.0)
            for name, command in contestants.items():
                result = compete(running, command, folder / "out")
                results.setdefault(name, []).append(result)
    return results, decodes


def _a_frame(running: Running, path: Path) -> Path | None:
    """Fetch a frame that the last harvest asked for, if it was one of SDSS."""
    urls = running.found("sdss-sas")
    if not urls:
        return None
    with urllib.request.urlopen(urls[0], timeout=60) as reply:
        path.write_bytes(reply.read())
    return path


def scaling(
    where: Sky, processes: list[int], count: int, folder: Path
) -> dict[int, list[Result]]:
    """Harvest with so many cutting processes, at rates that do not matter."""
    fast = {
        f"HARVESTER__SERVICES__{name}__{what}": "100"
        for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
        for what in ("RATE", "FILES")
    }
    results: dict[int, list[Result]] = {}
    with sky(folder / "sky", *where.options(), latency_s={}) as running:
        command = harvester_command(running, where.survey)
        compete(running, command, folder / "warm", **fast)
        for _ in range(count):
            for number in processes:
                own = fast | {"HARVESTER__WORK__PROCESSES": str(number)}
                result = compete(running, command, folder / "out", **own)
                results.setdefault(number, []).append(result)
    return results


def floor(result: Result, where: Sky, *, bandwidth: float, unpacking_s: float) -> float:
    """Seconds that this harvest takes at least.

    Parameters
    ----------
    bandwidth
        Bytes a second.
    unpacking_s
        CPU seconds that unpacking a whole frame takes.
    """
    services = Settings().services
    # The first request goes at once.
    asking_s = [
        (n - 1) / services.named(name).rate for name, n in result.requests.items()
    ]
    frames = result.requests["sdss-sas"]
    # Rows are alike likely to hold a galaxy: of k the last is at k / (k + 1).
    part = where.per_frame / (where.per_frame + 1)
    cores = len(os.sched_getaffinity(0))
    cutting_s = frames * part * unpacking_s / cores
    return max(*asking_s, result.received / bandwidth, cutting_s)


def _tutorial(running: Running, survey: str, threads: int) -> list[str]:
    command = [sys.executable, str(HERE / "tutorial.py"), "--survey", survey]
    command += ["--sandbox-ready", str(running.ready), "--threads", str(threads)]
    return [*command, "--catalogue", str(running.catalogue), "--out"]


def harvester_command(running: Running, survey: str) -> list[str]:
    """Give the command of a harvest, all but its output folder."""
    command = [*HARVESTER, "run", str(running.catalogue), *running.flags()]
    return [*command, "--survey", SURVEYS[survey], "--size", "40px", "--out"]


def compete(
    running: Running, command: list[str], out: Path, **environment: str
) -> Result:
    """Run one contestant into an empty folder; it must end well."""
    shutil.rmtree(out, ignore_errors=True)
    running.reset()
    report = out.with_suffix(".json")
    done = subprocess.run(  # noqa: S603 - ourselves and the tutorial
        [sys.executable, HERE / "measured.py", report, *command, out],
        env=os.environ | environment,
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

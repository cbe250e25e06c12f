"""Contestants of whole harvests, and one harvest by one of them.

Each is a process of its own with its own folder, cache and state: it starts from
nothing, and other harvests on this machine do not slow it down.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skies import HARVESTER

from harvester.ledger.view import LedgerView

if TYPE_CHECKING:
    from skies import Running

HERE = Path(__file__).parent

#: What the tutorial harvests, in the harvester's words.
SURVEYS = {"sdss": "sdss:r", "hst": "hst:WFC3/IR:F160W"}

#: Threads of the tutorial in threads.
THREADS = 8


@dataclass(frozen=True)
class Sky:
    """The sky to harvest."""

    survey: str
    galaxies: int
    #: About so many galaxies in a frame.
    per_frame: float

    def options(self) -> list[str]:
        """Give the sandbox's options for it."""
        words = ["--targets", str(self.galaxies), "--per-field", str(self.per_frame)]
        if self.survey == "hst":
            return [*words, "--per-image", str(math.ceil(self.per_frame))]
        return [*words, "--no-hst-images"]


@dataclass(frozen=True)
class Contestant:
    """A program that harvests into the folder that follows its command."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


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


def our_contestant(running: Running, survey: str, side: int = 40) -> Contestant:
    """Give the harvester, with stamps of so many pixels."""
    command = [*HARVESTER, "run", str(running.catalogue), *running.flags()]
    command += ["--survey", SURVEYS[survey], "--size", f"{side}px", "--out"]
    return Contestant(command)


def tutorial(running: Running, survey: str, threads: int) -> Contestant:
    """Give the tutorial, in so many threads."""
    command = [sys.executable, str(HERE / "tutorial.py"), "--survey", survey]
    command += ["--sandbox-ready", str(running.ready), "--threads", str(threads)]
    return Contestant([*command, "--catalogue", str(running.catalogue), "--out"])


def compete(running: Running, contestant: Contestant, out: Path) -> Result:
    """Run one contestant with an empty folder; it must succeed."""
    state, report = out.with_suffix(".state"), out.with_suffix(".json")
    for folder in (out, state):
        shutil.rmtree(folder, ignore_errors=True)
    running.reset()
    environment = {
        **os.environ,
        "HARVESTER__POLITENESS__STATE_DIR": str(state),
        **contestant.environment,
    }
    # With it each process would compile the harvester again, which pip does only once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, HERE / "measured.py", report, *contestant.command, out],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = " ".join(contestant.command)
        sys.exit(f"{words} failed:\n{done.stdout}{done.stderr}")
    return _result(running, out, json.loads(report.read_text()))


def _result(running: Running, out: Path, took: dict[str, float]) -> Result:
    stats = running.stats()
    return Result(
        **took,
        stamps=len([*out.glob("*.npy"), *out.glob("cutouts/**/*.fits")]),
        requests={name: one["requests"] for name, one in stats.items()},
        received=sum(one["bytes_sent"] for one in stats.values()),
        repeats=sum(
            times - 1
            for one in stats.values()
            for times in one["fetched_more_than_once"].values()
        ),
    )


def ways_in(out: Path) -> dict[str, int]:
    """Count the frames of a run by the way they came; empty for other contestants."""
    ledger = out / "ledger.sqlite"
    if not ledger.exists():
        return {}
    with LedgerView.open(ledger) as view:
        found: Counter[str] = Counter()
        for ways in view.counted("way").values():
            found.update(ways)
    return dict(found)

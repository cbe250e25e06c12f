"""Harvest for a long time at full speed with faults, and check that nothing grows.

``python tests/harvests/soak.py --minutes 60`` begins a harvest that is too long for
that time, with 2 % of the requests going wrong in a dozen ways. Every few seconds it
looks at the memory, file descriptors and threads of the process, and at the memory of
its pool. It prints the curve, and ends with 1 if one of them grew after the warm-up,
if the harvest ended by itself, or if ``verify`` finds anything wrong.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from statistics import median
from threading import Thread
from typing import NamedTuple

import psutil
from scipy.stats import theilslopes
from service import harvester, kill_group, sandbox, start, wait_for

from harvester.ledger.view import LedgerView

#: Faults that share 2 % of the requests.
KINDS = (
    *("status=500", "status=503", "status=429:retry_after=1", "html", "down"),
    *("reset", "truncate", "short", "unterminated", "no-length=0.5", "bitflip"),
    *("swap", "stall=3", "bad-range", "ignore-range", "new-etag"),
)
SHARE = 0.02

#: Galaxies: more than two cores can cut in a minute, in seven bands.
TARGETS_A_MINUTE = 150

FULL_SPEED = {
    f"HARVESTER__SERVICES__{name}__RATE": "1000"
    for name in ("MAST", "S3", "SDSS_SKY", "SDSS_SAS")
} | {"HARVESTER__SERVICES__SDSS_SAS__FILES": "8"}

#: Fraction of the time for the warm-up, in which caches fill.
WARM_UP = 0.3
#: MiB in ten minutes that do not count as growth.
GROWTH = 1.0
#: Minutes after the warm-up that are needed to judge a slope.
ENOUGH = 12
#: Tolerance for file descriptors and threads.
SLACK = 4


class Sample(NamedTuple):
    """Resources of the harvest at a moment; memory in MiB, without mapped files."""

    minutes: float
    memory: float
    #: Sum over all child processes.
    pool: float
    fds: int
    threads: int
    stamps: int


def main():
    """Read the options, harvest, print the curve, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples, problems = soak(Path(folder), options.minutes, options.seed)
    print("minutes  memory    pool   fds  threads   stamps")
    for one in samples[:: max(1, len(samples) // 20)]:
        print("{:7.1f}{:8.1f}{:8.1f}{:6}{:9}{:9}".format(*one))
    problems += judge(samples)
    if problems:
        sys.exit("\n".join(problems))


def soak(folder, minutes, seed):
    """Give the samples, and further errors."""
    targets = max(60, round(minutes * TARGETS_A_MINUTE))
    options = ("--targets", str(targets), "--seed", str(seed), "--per-field", "3")
    with sandbox(folder, *options, *faults()) as archives:
        out = folder / "out"
        surveys = ("--survey", "sdss:u,g,r,i,z", "--survey", "hst:WFC3/IR:F160W")
        words = ("run", archives.catalogue, "--out", out, *surveys)
        process = start(*words, *archives.flags(), **FULL_SPEED)
        said = deque(maxlen=20)
        Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
        try:
            samples = watch(process, out, minutes * 60)
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        finally:
            kill_group(process)
        struck = sum(one["struck"] for one in json.loads(archives.ask("/_faults")))
    print(f"{samples[-1].stamps} stamps, {struck} faults")
    problems = [] if code == 128 + signal.SIGTERM else [f"exit code {code}: {said}"]
    verified = harvester("verify", out)
    return samples, problems + ([verified.stdout] if verified.returncode else [])


def faults():
    """Give the options for 2 % faulty requests."""
    for kind in KINDS:
        name, colon, modifier = kind.partition(":")
        yield f"--fault={name}@*:p={SHARE / len(KINDS):.5f}{colon}{modifier}"


def watch(process, out, seconds):
    """Take a sample every few seconds from the first stamp on."""
    wait_for(lambda: any(out.glob("cutouts/**/*.fits")), process, 300)
    began = time.monotonic()
    samples = []
    while (at := time.monotonic() - began) < seconds and process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            samples.append(look(psutil.Process(process.pid), at / 60, out))
        time.sleep(min(3, seconds / 60))
    return samples


def look(process, minutes, out):
    """Take one sample."""
    with LedgerView.open(out / "ledger.sqlite") as view:
        stamps = view.count_cutouts()
    own, *children = [process, *process.children(recursive=True)]
    pool = sum(anonymous(child.pid) for child in children)
    counts = own.num_fds(), own.num_threads(), stamps
    return Sample(minutes, anonymous(own.pid), pool, *counts)


def anonymous(pid):
    """Give the memory of a process without mapped files in MiB; 0 if it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024
    return 0.0


def judge(samples):
    """Say what grew after the warm-up, surely and not by chance."""
    late = [one for one in samples if one.minutes >= WARM_UP * samples[-1].minutes]
    problems = []
    for name in ("memory", "pool"):
        if (grown := growth(late, name)) is None:
            print(f"{name}: too short to tell a slope from a wave")
        else:
            slope, least = grown
            print(f"{name}: {slope:+.2f} MiB in ten minutes ({least:+.2f} surely)")
            if least > GROWTH:
                problems.append(f"{name} grew by {slope:.1f} MiB in ten minutes")
        if (last := getattr(late[-1], name)) > 1.5 * getattr(late[0], name):
            problems.append(f"{name} grew to {last:.0f} MiB")
    third = len(late) // 3 + 1
    for name in ("fds", "threads"):
        first = median(getattr(one, name) for one in late[:third])
        last = median(getattr(one, name) for one in late[-third:])
        if last > first + SLACK:
            problems.append(f"{name} grew from {first:.0f} to {last:.0f}")
    return problems


def growth(samples, name):
    """Give the slope, and what it surely is at least; None if that cannot be told.

    Memory goes up and down with the work by 10 MiB, for a minute or so: what is
    compared is the median of each minute, if there are enough of them.
    """
    minutes = groupby(samples, key=lambda one: int(one.minutes))
    values = {n: median(getattr(one, name) for one in some) for n, some in minutes}
    if len(values) < ENOUGH:
        return None
    slope, _, least, _ = theilslopes(list(values.values()), list(values))
    return 10 * slope, 10 * least


if __name__ == "__main__":
    main()

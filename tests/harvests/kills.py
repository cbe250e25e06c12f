"""Kill a harvest again and again; in the end nothing may be lost.

``python tests/harvests/kills.py --kills 20 --targets 300`` kills the whole process
group with SIGKILL at random moments of a run, each time followed by ``harvester
resume``, and compares what comes out with an undisturbed run against the same
sandbox. It prints a table and ends with 1 if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from service import harvester, kill_group, sandbox, stamps, start, status, survivors

#: Part of the kills that come while a harvest starts.
EARLY = 0.2


def main():
    """Read the options, run, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--targets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = torture(Path(folder), **vars(options))
    for name, value in found.items():
        print(f"{name:32}{value}")
    wanted = {"kills": options.kills, "targets": options.targets}
    bad = {n: v for n, v in found.items() if v != wanted.get(n, 0) and n[0] != "("}
    if bad:
        sys.exit(f"not as it must be: {bad}")


def torture(folder, *, kills, targets, seed):
    """Give what is wrong after ``kills`` kills: every figure should be 0."""
    options = ("--seed", str(seed), "--targets", str(targets))
    with sandbox(folder, *options) as archives:
        words = ("run", archives.catalogue, *archives.flags(), "--out")
        undisturbed = folder / "undisturbed"
        assert harvester(*words, undisturbed).returncode == 0
        killed = folder / "killed"
        orphans, struck = _kill_repeatedly(
            archives, killed, kills, targets, random.Random(seed)
        )
        left = _unsettled(killed)
        ended = harvester("resume", killed, *archives.flags())
        assert ended.returncode == 0, ended.stdout + ended.stderr
        verified = harvester("verify", killed)
    return {
        "kills": kills,
        "targets": status(killed)["targets"],
        "jobs not settled": _unsettled(killed),
        "stamps missing": len(set(stamps(undisturbed)) - set(stamps(killed))),
        "stamps too many": len(set(stamps(killed)) - set(stamps(undisturbed))),
        "rows that differ": _differing(undisturbed, killed),
        "verify not clean": verified.returncode,
        "partial files left": len(list(killed.glob("cutouts/**/*.part"))),
        "orphan processes": orphans,
        "(kills of one that was at work": f"{struck})",
        "(left after the last kill": f"{left} jobs)",
        "(stamps": f"{len(stamps(killed))})",
    }


def _kill_repeatedly(archives, out, kills, targets, chance):
    words = ("run", archives.catalogue, "--out", out)
    orphans = struck = 0
    for _ in range(kills):
        process = start(*words, *archives.flags())
        _live_a_while(process, out, targets / kills, chance)
        struck += process.poll() is None
        kill_group(process)
        orphans += len(survivors(process.pid))
        if (out / "ledger.sqlite").exists():
            words = ("resume", out)
    return orphans, struck


def _live_a_while(process, out, share, chance):
    # Either any moment of the first seconds, or after some progress: so that the
    # kills are spread over the whole of the work and not only over its start.
    if chance.random() < EARLY:
        deadline = time.monotonic() + chance.uniform(0, 3)
        enough = 10**9
    else:
        deadline = time.monotonic() + 60
        enough = len(stamps(out)) + chance.uniform(0, 1.4 * share)
    while process.poll() is None and time.monotonic() < deadline:
        if len(stamps(out)) >= enough:
            time.sleep(chance.uniform(0, 0.2))
            return
        time.sleep(0.01)


def _unsettled(run):
    counts = status(run)["surveys"].values()
    return sum(count["pending"] + count["located"] for count in counts)


def _differing(one, other):
    rows = [pq.read_table(run / "manifest.parquet").to_pylist() for run in (one, other)]
    return sum(a != b for a, b in zip(*rows, strict=True))


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"took {time.monotonic() - began:.0f} s")

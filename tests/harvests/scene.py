"""The scene of the torture test: archives that may be killed, and runs that go on."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pyarrow.csv
import pyarrow.parquet as pq
from disks import make_small, mounts_are_ours, remove_small
from service import (
    HARVESTER,
    brisk_environment,
    free_ports,
    harvester,
    kill_group,
    stamps,
    start_sandbox,
    status,
    survivors,
)

#: Disturbances of one run before it is finished.
PER_RUN = 10

#: Frames that may be in flight at once: four of SDSS and four of MAST, and two more
#: of each that have just come.
_IN_FLIGHT = 12

#: Longest wait for a moment or an end, in seconds.
_LONG = 120


class Archives:
    """A sandbox that can be killed and restarts at the same addresses."""

    def __init__(self, folder, *options):
        self._folder = folder
        self._options = ("--port", str(free_ports(4)), *options)
        self._before = []
        self._process, self._here = start_sandbox(folder, *self._options)
        self.catalogue = self._here.catalogue
        self.flags = self._here.flags()

    def start(self):
        """Start it with the same sky."""
        self._process, self._here = start_sandbox(
            self._folder, *self._options, catalogue=False
        )

    def kill(self):
        """Kill it; the counts of the last moment are lost."""
        self._before.append(self._here.stats())
        self.close()

    def close(self):
        """Stop it."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()

    def requests(self):
        """Give the number of requests so far."""
        all_stats = [*self._before, self._here.stats()]
        return sum(s["requests"] for stats in all_stats for s in stats.values())

    def whole_files(self):
        """Give the number of files that were sent completely."""
        count = 0
        for stats in (*self._before, self._here.stats()):
            for service in stats.values():
                more = service["fetched_more_than_once"]
                count += service["files"] - len(more) + sum(more.values())
        return count


class Scene:
    """A run, its harvest if one is working, and the observations about them."""

    def __init__(self, folder, archives, chance, found):
        self.folder, self.archives, self.chance = folder, archives, chance
        self.disk = folder / "disk"
        self._found = found
        self._sort = ""
        self._process = None
        #: Exit codes with which the harvest may end.
        self._may_end = set()
        self._runs = self._ends = 0
        self._left_in_peace(folder / "peaceful")
        self.disk.mkdir()
        if mounts_are_ours():
            make_small(self.disk)
        self._begin_run()

    def _left_in_peace(self, out):
        began = time.monotonic()
        done = harvester("run", self.archives.catalogue, "--out", out, *self._flags)
        assert done.returncode == 0, done.stdout + done.stderr
        self._peaceful = out
        self._lasts = time.monotonic() - began
        self._stamps = len(stamps(out))
        self._requests = self.archives.requests()
        self._files = self.archives.whole_files()

    @property
    def _flags(self):
        return self.archives.flags

    def _environment(self):
        return {}

    def _begin_run(self):
        self._runs += 1
        self.out = self.disk / f"run-{self._runs}"

    def close(self):
        """Stop it."""
        self.kill_harvest()
        if mounts_are_ours():
            remove_small(self.disk)

    # -- what disturbances use --------------------------------------

    def at_work(self, under=(), *, must_work=True):
        """Give a harvest at a random moment of its work.

        It is the one that works already, if there is one. One that came to its end
        before the moment makes room for the next run, unless it need not work.
        """
        while True:
            process = self._process or self._start(under)
            if self._reaches_moment(process) or not must_work:
                return process
            self.finish_run()

    def must_end(self, process, *codes):
        """Wait for the end of a harvest, which may also have finished before."""
        try:
            process.wait(_LONG)
        except subprocess.TimeoutExpired:
            self.report("it did not end")
            kill_group(process)
            return
        self._may_end = {0, *codes}

    def kill_harvest(self):
        """Kill the working harvest, if there is one."""
        if self._process is not None:
            kill_group(self._process)
            self._see_its_end()

    def report(self, words):
        """Record that a user would have had to intervene."""
        self._found.add(self._sort, manual_repairs=1)
        self._found.words.append(words)

    # -- the course of it ----------------------------------------------

    def disturb(self, sort, disturbance):
        """Apply a disturbance, and check the state that it left."""
        self._sort = sort
        began = time.monotonic()
        disturbance(self)
        print(f"{sort}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        if self._process is not None and self._process.poll() is not None:
            self._see_its_end()
        self._found.add(sort, times=1)
        self._verify()

    def finish_run(self):
        """Finish the run, compare it with the undisturbed one, and begin another."""
        process = self._process or self._start()
        self.must_end(process)
        self._see_its_end()
        if self._is_through():
            self._verify("--deep")
            self._compare()
        shutil.rmtree(self.out)
        self._begin_run()

    def _start(self, under=()):
        self._may_end = {0, -signal.SIGKILL}
        begun = (self.out / "harvest.toml").exists()
        how = ["resume", self.out]
        if not begun:
            how = ["run", self.archives.catalogue, "--out", self.out]
        with (self.folder / "said").open("w") as said:
            words = [*under, *HARVESTER, *how, *self._flags]
            self._process = subprocess.Popen(
                [str(word) for word in words],
                stdout=said,
                stderr=subprocess.STDOUT,
                env=brisk_environment(**self._environment()),
                start_new_session=True,
            )
        return self._process

    def _said(self):
        return (self.folder / "said").read_text()[-2000:]

    def _see_its_end(self):
        process, self._process = self._process, None
        orphans = survivors(process.pid)
        self._ends += 1
        self._found.add(self._sort, orphans=len(orphans))
        for orphan in orphans:
            orphan.kill()
        if process.returncode not in self._may_end:
            allowed = ", ".join(map(str, sorted(self._may_end)))
            code = process.returncode
            self.report(f"it ended with {code} instead of {allowed}: {self._said()}")

    def _reaches_moment(self, process):
        reached = self._draw_moment()
        deadline = time.monotonic() + _LONG
        while process.poll() is None and time.monotonic() < deadline:
            if reached():
                return process.poll() is None
            time.sleep(0.02)
        return process.poll() is None

    def _draw_moment(self):
        kind = self.chance.choice(["stamps", "requests", "commits", "time"])
        part = self.chance.uniform(0, 1.4 / PER_RUN)
        if kind == "time":
            end = time.monotonic() + self.chance.uniform(0, 0.5) * self._lasts
            return lambda: time.monotonic() >= end
        if kind == "stamps":
            return _grows(lambda: len(stamps(self.out)), part * self._stamps)
        if kind == "requests":
            return _grows(self.archives.requests, part * self._requests)
        return _grows(_Commits(self.out / "ledger.sqlite-wal").seen, 20 * part)

    # -- what is looked at -----------------------------------------------

    def _verify(self, *deep):
        if not (self.out / "ledger.sqlite").exists():
            return
        done = harvester("verify", self.out, "--json", *deep)
        if done.returncode not in (0, 3):
            self.report(f"verify ended with {done.returncode}: {done.stderr}")
            return
        said = json.loads(done.stdout)
        # A partial stamp may be there, also after a kill; the next start removes it.
        is_at_work = not deep
        orphans = [
            name
            for name in said["orphans"]
            if not (is_at_work and name.endswith(".part"))
        ]
        self._found.add(
            self._sort,
            lost=len(said["missing"]),
            torn=len(said["changed"]) + len(said["unsound"]),
            orphans=len(orphans),
        )

    def _is_through(self):
        surveys = status(self.out)["surveys"].values()
        left = sum(count["pending"] + count["located"] for count in surveys)
        failed = sum(count["failed"] for count in surveys)
        self._found.add(self._sort, lost=left + failed)
        return not left

    def _compare(self):
        mine, other = set(_files(self.out)), set(_files(self._peaceful))
        rows = pq.read_table(self.out / "manifest.parquet").to_pylist()
        keys = {(row["id_str"], row["survey"], row["band"]) for row in rows}
        strange = mine - other
        same = [f for f in mine & other if f.startswith(("cutouts", "manifest", "lab"))]
        with closing(sqlite3.connect(self.out / "ledger.sqlite")) as db:
            sound = db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        self._found.add(
            self._sort,
            lost=len(other - mine),
            doubled=len(rows) - len(keys) + sum(f.endswith(".fits") for f in strange),
            torn=sum(self._differs(file) for file in same) + (not sound),
            orphans=sum(not f.endswith(".fits") for f in strange),
        )
        if strange:
            self._found.words.append(f"unknown files: {sorted(strange)}")

    def _differs(self, file):
        return _content(self.out / file) != _content(self._peaceful / file)

    def count_frames(self):
        """Record an upper limit of frames fetched without need."""
        runs = self._runs - 1
        again = self.archives.whole_files() - (runs + 1) * self._files
        self._found.facts.update(
            {
                "runs": runs,
                "stamps of a run": self._stamps,
                "harvests that ended": self._ends,
                "frames fetched again": max(0, again),
                "of in flight at most": _IN_FLIGHT * self._ends,
            }
        )


class _Commits:
    """Counts how often a write-ahead log has changed."""

    def __init__(self, log):
        self._log, self._last, self._count = log, None, 0

    def seen(self):
        now = self._log.stat().st_mtime_ns if self._log.exists() else None
        self._count += now != self._last
        self._last = now
        return self._count


def _grows(measure, by):
    goal = measure() + by
    return lambda: measure() >= goal


def _content(path):
    """Return what a file of two runs must have in common."""
    if not path.name.startswith("manifest"):
        return path.read_bytes()
    csv = pyarrow.csv.read_csv if path.suffix == ".csv" else pq.read_table
    # A frame that an earlier process fetched is known by its hash, not by its ETag.
    return csv(path).drop_columns("parent").to_pydict()


def _files(run):
    return [str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()]

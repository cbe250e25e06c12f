"""Trouble on the machine: disks, file descriptors, locks, clocks, terminals."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from disks import words_of_own_mounts
from service import (
    HARVESTER,
    brisk_environment,
    harvester,
    kill_group,
    sandbox,
    stamps,
    start,
    status,
    survivors,
    wait_for,
)

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: Runs the following command under a resource limit.
LIMITED = """
import os, resource, sys
limit = int(sys.argv[2])
resource.setrlimit(getattr(resource, sys.argv[1]), (limit, limit))
os.execv(sys.argv[3], sys.argv[3:])
"""

#: Runs a harvester whose wall clock is wrong by some seconds.
OTHER_CLOCK = """
import sys, time
right, off = time.time, float(sys.argv.pop(1))
time.time = lambda: right() + off
from harvester.cli import console
console()
"""

YEAR_S = 365 * 86_400

THOROUGH = pytest.mark.thorough


def limited(name, limit, *words):
    """Run a command under a limit; give the completed process."""
    script = [sys.executable, "-c", LIMITED, name, limit, *HARVESTER, *words]
    return completed(script)


def at_other_time(off_s, *words):
    """Run a command with another wall clock; give the completed process."""
    return completed([sys.executable, "-c", OTHER_CLOCK, off_s, *words])


def completed(words):
    """Run any command to its end."""
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env=brisk_environment(),
        timeout=600,
        check=False,
    )


def check_whole(archives, out):
    """Finish a run, and check its data set."""
    done = harvester("resume", out, *archives.flags())
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(out)["surveys"]["sdss"]["done"] == 60
    assert harvester("verify", out).returncode == 0


# -- disk and descriptors -------------------------------------------------------------


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(4096, marks=THOROUGH),
        60_000,
        pytest.param(1_000_000, marks=THOROUGH),
    ],
)
def test_no_room(archives, tmp_path, limit):
    """If ledger, stamps or frames cannot grow, nothing is lost: code 6."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, *archives.flags())
    done = limited("RLIMIT_FSIZE", limit, *words)
    assert done.returncode == 6, done.stdout + done.stderr
    assert str(out) in done.stderr
    assert "Traceback" not in done.stderr
    check_whole(archives, out)


def test_few_descriptors(archives, tmp_path):
    """With few file descriptors a harvest finishes, or ends with code 6."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, *archives.flags())
    done = limited("RLIMIT_NOFILE", 40, *words)
    assert done.returncode in {0, 6}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    check_whole(archives, out)


def test_read_only(archives, tmp_path):
    """A read-only folder is refused before any request."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, *archives.flags())
    process = start(*words)
    wait_for(lambda: len(stamps(out)) > 0, process)
    kill_group(process)
    assert survivors(process.pid) == []
    before = archives.stats()
    done = _resume_read_only(out, archives)
    assert done.returncode == 6, done.stdout + done.stderr
    assert f"{out} cannot be written" in done.stderr
    assert archives.stats() == before
    check_whole(archives, out)


def _resume_read_only(out, archives):
    words = [*HARVESTER, "resume", out, *archives.flags()]
    if os.geteuid():
        out.chmod(0o500)
        try:
            return completed(words)
        finally:
            out.chmod(0o700)
    # Root can write everywhere but on read-only mounts.
    own_mounts = words_of_own_mounts()
    if own_mounts is None:
        pytest.skip("the superuser of this container may mount nothing")
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    return completed([*own_mounts, "sh", "-c", script, out, *words])


def test_output_moved_away(archives, tmp_path):
    """If the output folder is moved, no new one is made: code 6."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for(lambda: len(stamps(out)) > 0, process)
    out.rename(elsewhere)
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 6, words
    assert not out.exists()
    assert survivors(process.pid) == []
    elsewhere.rename(out)
    assert harvester("verify", out).returncode == 0
    check_whole(archives, out)


# -- locks ----------------------------------------------------------------------------


def test_ledger_locked(archives, tmp_path):
    """A locked ledger can be read, and the harvest goes on after the lock."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for((out / "ledger.sqlite").exists, process)
    with closing(sqlite3.connect(out / "ledger.sqlite", timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert status(out)["targets"] == 60
        assert process.poll() is None
        other.execute("ROLLBACK")
    words, _ = process.communicate(timeout=300)
    assert process.returncode == 0, words
    check_whole(archives, out)


def test_many_at_once(archives, tmp_path):
    """Of several harvests started together one works, and the others name it."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for(lambda: len(stamps(out)) > 0, process)
    kill_group(process)
    several = [start("resume", out, *archives.flags()) for _ in range(4)]
    words = [process.communicate(timeout=300)[0] for process in several]
    codes = [process.returncode for process in several]
    assert sorted(codes) in ([0, 4, 4, 4], [0, 0, 4, 4], [0, 0, 0, 4], [0] * 4), words
    owners = {f"process {p.pid} " for p in several if p.returncode == 0}
    for said, code in zip(words, codes, strict=True):
        assert code == 0 or any(owner in said for owner in owners)
    check_whole(archives, out)


# -- clock ----------------------------------------------------------------------------


@pytest.mark.parametrize("off_s", [pytest.param(-YEAR_S, marks=THOROUGH), YEAR_S])
def test_clock_jumps(tmp_path, off_s):
    """A jump of the wall clock by a year delays nothing, and changes no stamp."""
    options = ("--seed", "7", "--targets", "60", "--no-hst-images")
    out = tmp_path / "out"
    # What was postponed before the jump is due after it, see `test_clock_set_back`. The
    # same frame must not come damaged three times: it would be given up.
    with sandbox(tmp_path, *options, "--fault", "bitflip@sdss-sas:times=2") as here:
        process = start("run", here.catalogue, "--out", out, *here.flags())
        wait_for(lambda: len(stamps(out)) > 0, process)
        kill_group(process)
        here.ask("/_faults", [])
        done = at_other_time(off_s, "resume", out, *here.flags())
        assert done.returncode == 0, done.stdout + done.stderr
        check_whole(here, out)


# -- terminal -------------------------------------------------------------------------


def test_nobody_listens(archives, tmp_path):
    """If the output is closed, as by `| head`, the harvest goes on to its end."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    process.stdout.close()
    assert process.wait(300) == 0
    assert (out / "manifest.parquet").exists()
    check_whole(archives, out)


@pytest.fixture
def silent(tmp_path):
    """Serve archives that stop answering after two frames, so that no harvest ends."""
    options = ("--seed", "7", "--targets", "60", "--no-hst-images")
    with sandbox(tmp_path, *options, "--fault", "stall@sdss-sas:after=2") as here:
        yield here


def test_stopped_while_nobody_listens(silent, tmp_path):
    """A signal works although the output is closed."""
    out = tmp_path / "out"
    process = start("run", silent.catalogue, "--out", out, *silent.flags())
    process.stdout.close()
    wait_for(lambda: len(stamps(out)) > 0, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    silent.ask("/_faults", [])
    check_whole(silent, out)


@pytest.fixture
def _no_nohup():
    """Let processes receive SIGHUP, also if these tests run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_no_nohup")
def test_hang_up(silent, tmp_path):
    """Closing the terminal stops the whole process group cleanly."""
    out = tmp_path / "out"
    process = start("run", silent.catalogue, "--out", out, *silent.flags())
    try:
        wait_for(lambda: len(stamps(out)) > 0, process)
        os.killpg(process.pid, signal.SIGHUP)
        words, _ = process.communicate(timeout=60)
    finally:
        kill_group(process)
    assert process.returncode == 129, words
    assert "resource_tracker" not in words
    assert survivors(process.pid) == []
    silent.ask("/_faults", [])
    check_whole(silent, out)


def test_hang_up_under_nohup(archives, tmp_path):
    """Under `nohup` a harvest goes on."""
    out = tmp_path / "out"
    words = ["run", archives.catalogue, "--out", out, *archives.flags()]
    process = subprocess.Popen(
        ["nohup", *HARVESTER, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=brisk_environment(),
        start_new_session=True,
    )
    wait_for(lambda: len(stamps(out)) > 0, process)
    os.killpg(process.pid, signal.SIGHUP)
    assert process.wait(300) == 0
    check_whole(archives, out)

"""A harvest is killed at one system call, or the call fails; the next run completes it.

strace meddles with the N-th call of a kind in every process of the harvest.
"""

from __future__ import annotations

import hashlib
import re
import signal

import pytest
from power_cut import why_no_strace
from service import HARVESTER, harvester, stamps, status
from test_machine import completed

pytestmark = [pytest.mark.harvest, pytest.mark.long]

THOROUGH = pytest.mark.thorough

#: Calls that a harvest makes for files; sockets and pipes use others.
CALLS = "fsync,fdatasync,pwrite64,ftruncate,?rename,renameat,renameat2,?unlink,unlinkat"


@pytest.fixture(scope="module")
def undisturbed(archives, tmp_path_factory):
    """Give the SHA-256 of every stamp of an undisturbed harvest."""
    out = tmp_path_factory.mktemp("peace") / "out"
    done = harvester("run", archives.catalogue, "--out", out, *archives.flags())
    assert done.returncode == 0, done.stderr
    return contents(out)


def contents(out):
    """Give the SHA-256 of each stamp on disk."""
    return {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in stamps(out)
    }


def with_strace(what, log, *words):
    """Run a command of the harvester while strace changes some of its calls."""
    if why := why_no_strace():
        pytest.skip(why)
    meddling = ["-e", f"trace={CALLS}", "-e", f"inject={CALLS}:{what}"]
    # Do not use --seccomp-bpf: with it strace 6.1 does not count calls before a signal.
    strace = ["strace", "-f", "-o", log, *meddling]
    done = completed([*strace, *HARVESTER, *words])
    assert re.search(r"\(INJECTED\)|\+\+\+ killed by SIGKILL", log.read_text("latin-1"))
    return done


@pytest.mark.parametrize(
    "call", [pytest.param(1, marks=THOROUGH), 5, pytest.param(40, marks=THOROUGH)]
)
def test_killed_at_a_call(archives, undisturbed, tmp_path, call):
    """After a kill at any call, the next run makes the same data set."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, *archives.flags())
    done = with_strace(f"signal=KILL:when={call}", tmp_path / "log", *words)
    assert done.returncode in {0, 6, -signal.SIGKILL}, done.stdout + done.stderr
    check_the_same(archives, undisturbed, out)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        pytest.param("EIO", 3, marks=THOROUGH),
        pytest.param("EIO", 30, marks=THOROUGH),
        ("ENOSPC", 30),
        pytest.param("EDQUOT", 3, marks=THOROUGH),
    ],
)
def test_failing_call(archives, undisturbed, tmp_path, error, call):
    """If a call fails, the harvest ends with code 6, and the next run completes it."""
    out = tmp_path / "out"
    words = ("run", archives.catalogue, "--out", out, *archives.flags())
    done = with_strace(f"error={error}:when={call}", tmp_path / "log", *words)
    assert done.returncode in {0, 6}, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    check_the_same(archives, undisturbed, out)


def check_the_same(archives, undisturbed, out):
    """Finish a run, and compare it with the undisturbed one."""
    going_on = ("run", archives.catalogue, "--out", out)
    done = harvester(*going_on, *archives.flags())
    assert done.returncode == 0, done.stdout + done.stderr
    states = status(out)["surveys"]
    assert sum(states["sdss"][state] for state in ("failed", "pending")) == 0
    assert contents(out) == undisturbed
    assert harvester("verify", out).returncode == 0

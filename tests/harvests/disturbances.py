"""The disturbances of the torture test, one function each.

A disturbance gets the scene, waits for a random moment of the harvest, disturbs it,
and checks how the harvest ends, if it must end. Afterwards `harvester resume` must be
enough to finish the run.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing, suppress

import psutil
from disks import filled, mounts_are_ours, read_only
from power_cut import cut_power, strace, why_no_strace
from service import harvester, kill_group, survivors

#: Limit of the size of files in bytes: less than a stamp.
_SMALL = 4096


def kill_all(scene):
    """Send SIGKILL to the whole process group."""
    kill_group(scene.at_work())


def kill_alone(scene):
    """Send SIGKILL to the orchestrator; its workers must end by themselves."""
    process = scene.at_work()
    process.kill()
    process.wait()


def kill_worker(scene):
    """Send SIGKILL to a worker process; the harvest goes on."""
    process = scene.at_work()
    scene.chance.choice(_awaited(process, _workers)).kill()


def kill_forkserver(scene):
    """Send SIGKILL to the fork server of the worker processes."""
    process = scene.at_work()
    _awaited(process, _forkservers)[0].kill()


def kill_sandbox(scene):
    """Send SIGKILL to the sandbox, and restart it after a moment."""
    scene.at_work()
    scene.archives.kill()
    scene.archives.start()


def terminate(scene):
    """Send SIGTERM to the orchestrator or its whole group."""
    process = scene.at_work()
    _signal(scene, process, signal.SIGTERM)
    scene.must_end(process, 143, -signal.SIGTERM)


def interrupt_twice(scene):
    """Send SIGINT, and again while the harvest is ending."""
    process = scene.at_work()
    _signal(scene, process, signal.SIGINT)
    time.sleep(scene.chance.uniform(0, 0.5))
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    scene.must_end(process, 130, -signal.SIGINT)


def resume_twice(scene):
    """Resume a run that is being harvested: the error must name the other process."""
    process = scene.at_work()
    _wait_until_owned(scene, process)
    second = harvester("resume", scene.out)
    named = second.returncode == 4 and f"process {process.pid}" in second.stderr
    # If the first harvest has ended meanwhile, the second one may work.
    if not named and process.poll() != 0:
        scene.report(f"a second resume ended with {second.returncode}: {second.stderr}")


def fill_disk(scene):
    """Fill the disk, also during a `resume`, and make room again."""
    process = scene.at_work()
    with filled(scene.disk) as fill:
        while process.poll() is None:
            fill()  # what the harvest has removed made room
            time.sleep(0.02)
        scene.must_end(process, 6)
        fill()
        _must_refuse(scene)


def limit_files(scene):
    """Let no file grow beyond a few bytes (RLIMIT_FSIZE), then lift the limit."""
    process = scene.at_work()
    with suppress(psutil.NoSuchProcess):
        for one in [*_descendants(process), psutil.Process(process.pid)]:
            with suppress(psutil.NoSuchProcess):
                one.rlimit(psutil.RLIMIT_FSIZE, (_SMALL, psutil.RLIM_INFINITY))
    scene.must_end(process, 6)


def forbid_writing(scene):
    """Make the output folder read-only, also for `resume`, then writable again."""
    process = scene.at_work()
    _wait_until_owned(scene, process)
    with read_only(scene.out):
        scene.must_end(process, 6)
        _must_refuse(scene)


def lock_ledger(scene):
    """Hold a transaction from another process for longer than a commit takes."""
    process = scene.at_work()
    _wait_until_owned(scene, process)
    ledger = scene.out / "ledger.sqlite"
    while not ledger.exists() and process.poll() is None:
        time.sleep(0.01)
    if not ledger.exists():
        return
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=rw", uri=True)) as other:
        other.execute("PRAGMA busy_timeout = 30000")
        other.execute("BEGIN IMMEDIATE")
        read = harvester("status", scene.out)
        time.sleep(scene.chance.uniform(0, 3))
        other.execute("ROLLBACK")
    if read.returncode:
        scene.report(f"status while the ledger was locked: {read.stderr}")


def cut_the_power(scene):
    """Simulate a power cut, which may lose unflushed data (see `power_cut`)."""
    scene.kill_harvest()
    before, log = scene.folder / "before", scene.folder / "strace" / "log"
    log.parent.mkdir()
    scene.out.mkdir(exist_ok=True)
    ignore = shutil.ignore_patterns("frames", "*.sock")  # sockets cannot be copied
    shutil.copytree(scene.out, before, ignore=ignore)
    process = scene.at_work(under=strace(log), must_work=False)
    for one in _descendants(process):
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    survivors(process.pid)
    cut_power(scene.out, before, log, scene.chance)
    shutil.rmtree(before)
    shutil.rmtree(log.parent)


def known_sorts():
    """Give the disturbances that this machine allows, and why others are left out."""
    sorts = {
        "kill -9 of the group": kill_all,
        "kill -9 of the orchestrator": kill_alone,
        "kill -9 of a pool worker": kill_worker,
        "kill -9 of the forkserver": kill_forkserver,
        "kill -9 of the archives": kill_sandbox,
        "SIGTERM": terminate,
        "SIGINT twice": interrupt_twice,
        "resume twice at once": resume_twice,
        "file size limit": limit_files,
        "ledger locked": lock_ledger,
        "disk full": fill_disk,
        "read-only output": forbid_writing,
        "power cut": cut_the_power,
    }
    left_out = {}
    if not mounts_are_ours():
        for name in ("disk full", "read-only output"):
            left_out[name] = "nothing may be mounted here"
    if why := why_no_strace():
        left_out["power cut"] = why
    kept = {name: sort for name, sort in sorts.items() if name not in left_out}
    return kept, left_out


# -- shared functions ---------------------------------------------------------------


def _signal(scene, process, number):
    with suppress(ProcessLookupError):
        if scene.chance.random() < 0.5:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _must_refuse(scene):
    asked = scene.archives.requests()
    refused = harvester("resume", scene.out)
    if refused.returncode != 6:
        words = refused.stdout + refused.stderr
        scene.report(f"resume ended with {refused.returncode} instead of 6: {words}")
    if scene.archives.requests() != asked:
        scene.report("resume asked an archive although nothing could be written")


def _wait_until_owned(scene, process):
    lock, begun = scene.out / "ledger.lock", scene.out / "harvest.toml"
    owner = f"process {process.pid} "
    while process.poll() is None:
        if begun.exists() and lock.exists() and lock.read_text().startswith(owner):
            return
        time.sleep(0.01)


def _descendants(process):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def _forkservers(process):
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children()
        return [one for one in children if "forkserver" in " ".join(one.cmdline())]
    return []


def _workers(process):
    with suppress(psutil.NoSuchProcess):
        return [w for server in _forkservers(process) for w in server.children()]
    return []


def _awaited(process, find):
    # At the beginning of a harvest these processes do not exist yet.
    while process.poll() is None:
        if found := find(process):
            return found
        time.sleep(0.01)
    return [process]

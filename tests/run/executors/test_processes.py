"""The process pool, with real processes that are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harvester.errors import LocalError, PermanentError, TransientError
from harvester.models import (
    Cut,
    CutoutSpec,
    FrameJob,
    Product,
    Receipt,
    StampSize,
    Wanted,
)
from harvester.run.executors.processes import Cutter

SPEC = CutoutSpec(StampSize.parse("4px"))


def job(*targets):
    """Return a job that wants stamps of some targets."""
    wanted = tuple(Wanted(n, f"id{n}", 0.0, 0.0, f"{n}.fits") for n in targets)
    return FrameJob(Product("sdss", "f", "r", "u"), "/nowhere", "/", wanted, SPEC)


def cut_all(job):
    """Return a receipt for each stamp, without cutting."""
    return Cut([Receipt(one.target) for one in job.wanted])


def cut_until_13(job):
    """Kill this process if target 13 is wanted."""
    if any(one.target == 13 for one in job.wanted):
        os.kill(os.getpid(), signal.SIGKILL)
    return cut_all(job)


def cut_hanging_at_13(job):
    """Hang if target 13 is wanted."""
    while any(one.target == 13 for one in job.wanted):
        time.sleep(0.01)
    return cut_all(job)


def cut_hearing_the_end(job):
    """Send SIGTERM to this worker and to the fork server, as to a process group."""
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getppid(), signal.SIGTERM)
    return cut_all(job)


def cut_corrupt(_job):
    """Report a corrupt frame."""
    raise TransientError("corrupt", "the CRC of block 3 is wrong")


def cut_pid(job):
    """Return the process ID in the receipts."""
    return Cut([Receipt(one.target, sha256=str(os.getpid())) for one in job.wanted])


def cut_telling(job):
    """Return the process ID and the settings of malloc in the receipts."""
    how = f"{os.getpid()} {os.environ.get('GLIBC_TUNABLES', '')}"
    return Cut([Receipt(one.target, sha256=how) for one in job.wanted])


def cut_greedy(job):
    """Allocate more memory than a worker may have."""
    bytearray(8 << 30)
    return cut_all(job)


def problems(receipts):
    """Return the problem of each target."""
    return {receipt.target: receipt.problem for receipt in receipts}


async def test_receipts_in_order():
    """There is a receipt for each target, in the same order."""
    async with Cutter(processes=1, cut=cut_all) as cutter:
        receipts = (await cutter.cut(job(3, 1, 2))).receipts
    assert [receipt.target for receipt in receipts] == [3, 1, 2]


async def test_culprit_is_found():
    """The galaxy that kills its worker fails alone; its neighbours are cut."""
    async with Cutter(processes=2, cut=cut_until_13) as cutter:
        receipts = await cutter.cut(job(11, 12, 13, 14, 15))
        after = await cutter.cut(job(1))
    assert problems(receipts) == {11: "", 12: "", 13: "worker_died", 14: "", 15: ""}
    assert problems(after) == {1: ""}


@pytest.mark.parametrize("function", [cut_until_13, cut_hanging_at_13, cut_greedy])
async def test_other_functions(function):
    """A function runs once in a worker; if that ends, the error is a passing one."""
    async with Cutter(processes=1, limit_s=2) as cutter:
        if function is not cut_greedy:
            receipts = await cutter.run(function, job(1))
            assert problems(receipts) == {1: ""}
        with pytest.raises(TransientError, match="worker ended"):
            await cutter.run(function, job(13))


async def test_hung_worker_is_ended():
    """A worker that hangs is killed after the time limit."""
    async with Cutter(processes=1, limit_s=0.5, cut=cut_hanging_at_13) as cutter:
        receipts = await cutter.cut(job(13, 14))
    assert problems(receipts) == {13: "worker_hung", 14: ""}


async def test_end_of_the_group_is_the_parents():
    """A SIGTERM to the process group ends neither workers nor the fork server."""
    async with Cutter(processes=1, cut=cut_hearing_the_end) as cutter:
        for target in range(3):
            assert problems(await cutter.cut(job(target))) == {target: ""}


async def test_killed_while_idle():
    """If an idle worker is killed, no galaxy fails."""
    async with Cutter(processes=1, cut=cut_pid) as cutter:
        for target in range(3):
            (receipt,) = await cutter.cut(job(target))
            worker = psutil.Process(int(receipt.sha256))
            worker.kill()
            psutil.wait_procs([worker], timeout=20)


async def test_server_of_processes_is_killed():
    """If the fork server is killed, its workers end, and new ones are started."""
    async with Cutter(processes=1, cut=cut_pid) as cutter:
        (receipt,) = await cutter.cut(job(1))
        worker = psutil.Process(int(receipt.sha256))
        worker.parent().kill()
        assert psutil.wait_procs([worker], timeout=20)[1] == []
        (again,) = await cutter.cut(job(1))
        assert again.sha256 != receipt.sha256


async def test_error_crosses():
    """An error in a worker arrives with its reason and its message."""
    async with Cutter(processes=1, cut=cut_corrupt) as cutter:
        with pytest.raises(TransientError, match="block 3") as caught:
            await cutter.cut(job(1))
    assert caught.value.reason == "corrupt"


async def test_memory_is_limited():
    """A worker that needs too much memory raises an error and continues."""
    async with Cutter(processes=1, cut=cut_greedy) as cutter:
        with pytest.raises(PermanentError) as caught:
            await cutter.cut(job(1))
    assert caught.value.reason == "too_big"


ORPHAN = """
import asyncio, os, sys
from harvester.run.executors.processes import Cutter
async def main():
    async with Cutter(processes=2) as cutter:
        cutter.start()
        pool = await cutter._pool
        await asyncio.wrap_future(pool.schedule(os.getpid))
        print("up", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_workers_die_with_their_parent():
    """After kill -9 of the parent no worker is left."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"up\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


async def test_large_pages():
    """Workers use large pages, also workers of a later fork server."""
    async with Cutter(processes=1, cut=cut_telling) as cutter:
        for _ in range(2):
            (receipt,) = (await cutter.cut(job(1))).receipts
            pid, how = receipt.sha256.split()
            assert "glibc.malloc.hugetlb=1" in how
            worker = psutil.Process(int(pid))
            worker.parent().kill()
            assert psutil.wait_procs([worker], timeout=20)[1] == []


async def test_no_process_lives():
    """If no worker can start, the error blames the machine, not the galaxies."""
    async with Cutter(processes=1, memory_bytes=1, cut=cut_all) as cutter:
        for _ in range(3):  # also with a pool that has already broken
            with pytest.raises(LocalError, match="no cutting process stays alive"):
                await cutter.cut(job(1))


#: A process that cannot unpickle its arguments.
LATE_PROCESS = """
from harvester.cutouts.warm_up import warm_up

class Gone:
    def __reduce__(self):
        return int, ("no number",)

process = warm_up().Process(target=print, args=(Gone(),))
process.start()
process.join()
print(process.exitcode)
"""


def test_no_traceback_of_a_late_process():
    """A process that starts after the end of the harvest prints no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", LATE_PROCESS], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


#: A script without a guard that has processes of ours and one of its own.
UNGUARDED = """
from multiprocessing import forkserver
from harvester.cutouts.warm_up import warm_up

print("begun", flush=True)
process = warm_up().Process(target=print, args=("cut",))
process.start()
process.join()
print(forkserver._forkserver._forkserver_pid)
"""


def test_main_module_is_left_alone(tmp_path):
    """A process does not import the script, nor is Python's own fork server used."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("begun\ncut\nNone\n", "")


async def test_nothing_to_cut(monkeypatch):
    """A cutter that is not started starts no fork server."""
    started = []
    monkeypatch.setattr(
        "harvester.run.executors.processes.warm_up", lambda: started.append("server")
    )
    async with Cutter(processes=1, cut=cut_all):
        pass
    assert started == []

"""The Dask executor, with real schedulers and workers that are really killed."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import failing_cuts
import psutil
import pytest

import harvester
from harvester.errors import InputError, TransientError
from harvester.run.executors.dask.cluster import SchedulerLostError

pytestmark = pytest.mark.timeout(240)


def problems(cut):
    """Return the problem of each target."""
    return {receipt.target: receipt.problem for receipt in cut}


async def test_stamps_come_back(bench, stack):
    """Workers write nothing; their stamps are written here, and receipts in order."""
    executor = await stack.enter_async_context(bench.executor("dask:local:2"))
    cut = await executor.cut(bench.job(3, 1, 2))
    assert [receipt.target for receipt in cut] == [3, 1, 2]
    assert cut.needed == 7
    assert bench.stamps() == {f"{n}.fits": f"stamp {n}" for n in (1, 2, 3)}
    assert executor.processes == 2
    assert executor.cutting == 0


async def test_errors_come_as_they_are(bench, stack):
    """An error of a worker is raised here as it is; damaged bytes are another one."""
    for cut, words in (
        (failing_cuts.cut_corrupt, "CRC of block 3"),
        (failing_cuts.cut_damaged, "damaged on their way"),
    ):
        executor = await stack.enter_async_context(bench.executor("dask:local:1", cut))
        with pytest.raises(TransientError, match=words):
            await executor.cut(bench.job(1))


async def test_culprit_is_found(bench, stack):
    """The galaxy that kills its workers fails alone; its neighbours are cut."""
    cut = failing_cuts.cut_until_culprit
    executor = await stack.enter_async_context(bench.executor("dask:local:2", cut))
    receipts, other = await asyncio.gather(
        executor.cut(bench.job(12, 13)), executor.cut(bench.job(1))
    )
    assert problems(receipts) == {12: "", 13: "worker_died"}
    assert problems(other) == {1: ""}


async def test_hung_worker_is_ended(bench, stack):
    """A worker that hangs ends after the time limit, and another one goes on."""
    executor = bench.executor("dask:local:1", failing_cuts.cut_hanging, cut_s=0.5)
    await stack.enter_async_context(executor)
    assert problems(await executor.cut(bench.job(13))) == {13: "worker_hung"}
    assert problems(await executor.cut(bench.job(1, 2))) == {1: "", 2: ""}


async def test_worker_that_comes_late(bench, dask_processes, stack):
    """Without a worker the harvest waits and says how to start one."""
    executor = bench.executor(dask_processes.executor)
    await stack.enter_async_context(executor)
    cutting = asyncio.create_task(executor.cut(bench.job(1)))
    while not any("no Dask worker" in words for words in bench.said):
        await asyncio.sleep(0.05)
    assert f"`dask worker {dask_processes.address}" in bench.said[-1]
    assert not cutting.done()
    dask_processes.start_worker()
    assert problems(await cutting) == {1: ""}


async def test_killed_worker(bench, dask_processes, stack):
    """A job whose worker is killed is run by the next one; no stamp is lost."""
    cut = failing_cuts.cut_slowly
    executor = await stack.enter_async_context(
        bench.executor(dask_processes.executor, cut)
    )
    dask_processes.start_worker()
    cutting = asyncio.create_task(executor.cut(bench.job(1, 2, 3)))
    await bench.begun()
    for process in dask_processes.cutting():
        process.kill()
    assert problems(await cutting) == {1: "", 2: "", 3: ""}


async def test_killed_scheduler(bench, dask_processes, stack):
    """When the scheduler is lost, jobs in hand are given to the one that comes back."""
    cut = failing_cuts.cut_slowly
    executor = await stack.enter_async_context(
        bench.executor(dask_processes.executor, cut)
    )
    dask_processes.start_worker()
    cutting = asyncio.create_task(executor.cut(bench.job(1, 2)))
    await bench.begun()
    dask_processes.kill_scheduler()
    while not any("waiting for the Dask scheduler" in one for one in bench.said):
        await asyncio.sleep(0.05)
    dask_processes.start_scheduler()
    dask_processes.start_worker()
    assert problems(await cutting) == {1: "", 2: ""}


async def test_scheduler_that_stays_away(bench, dask_processes, stack):
    """After the patience the harvest ends with code 5, and says what to do."""
    dask_processes.kill_scheduler()
    executor = bench.executor(dask_processes.executor, patience_s=1)
    await stack.enter_async_context(executor)
    with pytest.raises(SchedulerLostError, match="Start it again, then resume") as lost:
        await executor.cut(bench.job(1))
    assert lost.value.exit_code == 5


async def test_no_certificates(bench, stack):
    """An encrypted scheduler needs certificates: the error says where to name them."""
    executor = await stack.enter_async_context(bench.executor("tls://127.0.0.1:1"))
    with pytest.raises(InputError, match=r"distributed\.comm\.tls"):
        await executor.cut(bench.job(1))


async def test_other_software(bench, dask_processes, stack, tmp_path):
    """A worker with other sources is refused by name; a right one is used later."""
    other = tmp_path / "other"
    shutil.copytree(Path(harvester.__file__).parent, other / "harvester")
    with (other / "harvester" / "errors.py").open("a") as file:
        file.write("\n# another version\n")
    dask_processes.start_worker(PYTHONPATH=str(other))
    executor = bench.executor(dask_processes.executor)
    await stack.enter_async_context(executor)
    with pytest.raises(InputError, match=r"has harvester's files \w+ instead of \w+"):
        await executor.cut(bench.job(1))
    assert not bench.stamps()
    dask_processes.start_worker()
    while not executor.processes:
        await asyncio.sleep(0.05)
    for number in range(5):
        assert problems(await executor.cut(bench.job(number))) == {number: ""}
    assert executor.processes == 1


async def test_without_harvester(bench, dask_processes, stack, tmp_path):
    """A worker that lacks the package is refused, and the error says so."""
    (tmp_path / "harvester").mkdir()
    (tmp_path / "harvester" / "__init__.py").write_text("")
    dask_processes.start_worker(PYTHONPATH=str(tmp_path))
    executor = bench.executor(dask_processes.executor)
    await stack.enter_async_context(executor)
    with pytest.raises(InputError, match="has no harvester that answers"):
        await executor.cut(bench.job(1))


async def test_bytes_in_hand(bench, stack):
    """Jobs of more bytes than are allowed go one after another."""
    cut = failing_cuts.cut_alone
    executor = bench.executor("dask:local:2", cut, outstanding_bytes=1)
    await stack.enter_async_context(executor)
    await asyncio.gather(*(executor.cut(bench.job(n)) for n in range(6)))
    assert len(bench.stamps()) == 6


async def test_worker_killed_again_and_again(bench, stack):
    """Workers that are killed while they start are replaced."""
    executor = await stack.enter_async_context(bench.executor("dask:local:1"))
    await executor.cut(bench.job(1))
    killed = 0
    while killed < 4:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(process.cmdline()):
                    process.kill()
                    killed += 1
        await asyncio.sleep(0.1)
    assert problems(await executor.cut(bench.job(2))) == {2: ""}


async def test_killed_local_cluster(bench, stack):
    """A local cluster that is killed as a whole is started again."""
    cut = failing_cuts.cut_slowly
    executor = await stack.enter_async_context(bench.executor("dask:local:1", cut))
    cutting = asyncio.create_task(executor.cut(bench.job(1)))
    await bench.begun()
    (cluster,) = psutil.Process().children()
    assert "local_cluster" in " ".join(cluster.cmdline())
    cluster.kill()
    assert problems(await cutting) == {1: ""}


async def test_ends_with_its_parent(bench, stack):
    """No process of a local cluster outlives the executor."""
    async with bench.executor("dask:local:2") as executor:
        await executor.cut(bench.job(1))
        children = psutil.Process().children(recursive=True)
        assert len(children) >= 3
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 20)
    assert alive == []

"""The parts of the Dask executor that need no Dask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harvester.errors import InputError, LocalError
from harvester.run.executors.dask.rooms import Rooms
from harvester.run.executors.dask.shared_disk import SharedFile, can_read
from harvester.run.executors.dask.software import differences, software
from harvester.run.executors.dask.workers import DaskWorkers


class Cluster:
    """A stand-in for the client: workers by name, with software and files to read."""

    def __init__(self):
        self.workers = {}

    def add(self, address, answer=None, *, reads=True):
        """Let a worker come."""
        self.workers[address] = (answer or software(), reads)

    async def nthreads(self):
        """Tell which workers are there."""
        return dict.fromkeys(self.workers, 1)

    async def run(self, function, *_arguments, workers, on_error):
        """Ask workers."""
        assert on_error == "return"
        which = 0 if function is software else 1
        return {at: self.workers[at][which] for at in workers}


@pytest.fixture
def scene(tmp_path):
    """Give a function that makes workers of a mode, with a cluster and messages."""

    def make(frames_by):
        said = []
        shared = SharedFile.below(tmp_path)
        return DaskWorkers(shared, frames_by, said.append), Cluster(), said

    return make


async def test_all_by_path(scene):
    """If the first workers read the shared file, frames are cut by path."""
    workers, cluster, said = scene("auto")
    cluster.add("a")
    cluster.add("b")
    await workers.look(cluster)
    assert (workers.frames_by, workers.good, said) == ("path", {"a", "b"}, [])
    assert workers.only is None


async def test_late_worker_without_the_disk(scene):
    """A later worker that cannot read the frames is not used, and the user is told."""
    workers, cluster, said = scene("auto")
    cluster.add("a")
    await workers.look(cluster)
    cluster.add("b", reads=False)
    await workers.look(cluster)
    assert (workers.good, workers.only) == ({"a"}, ["a"])
    (words,) = said
    assert "b is not used" in words
    assert 'work.frames_by = "workers"' in words


async def test_no_disk(scene):
    """If the first workers do not share the disk, workers fetch frames themselves."""
    workers, cluster, _ = scene("auto")
    cluster.add("a", reads=False)
    await workers.look(cluster)
    assert (workers.frames_by, workers.good) == ("workers", {"a"})


async def test_forced_path(scene):
    """If a path is demanded, workers without the disk are an error."""
    workers, cluster, _ = scene("path")
    cluster.add("a", reads=False)
    await workers.look(cluster)
    with pytest.raises(InputError, match="a cannot read"):
        workers.need_any()


async def test_other_versions(scene):
    """A worker with another numpy is refused by name, and forgotten when it goes."""
    workers, cluster, said = scene("auto")
    cluster.add("a", software() | {"numpy": "1.0"})
    cluster.add("b", ModuleNotFoundError("No module named 'harvester'"))
    await workers.look(cluster)
    assert "a is not used: it has numpy 1.0 instead of" in said[0]
    assert "No module named 'harvester'" in said[1]
    with pytest.raises(InputError, match="no Dask worker can be used"):
        workers.need_any()
    cluster.workers.clear()
    cluster.add("c")
    await workers.look(cluster)
    assert (workers.good, workers.refused) == ({"c"}, {})


async def test_worker_that_left_meanwhile(scene):
    """A worker that cannot be asked now is asked at the next look."""
    workers, cluster, said = scene("auto")
    cluster.add("a", OSError("connection reset"))
    await workers.look(cluster)
    assert (workers.good, said) == (set(), [])
    cluster.add("a")
    await workers.look(cluster)
    assert workers.good == {"a"}


def test_differences():
    """The words have each name, what is there and what is needed; none if all agree."""
    here = {"numpy": "2.1", "Python": "3.11"}
    assert differences(here, here) == ""
    assert differences({"numpy": "2.0"}, here) == (
        "numpy 2.0 instead of 2.1, Python none instead of 3.11"
    )


def test_shared_file(tmp_path):
    """Only the file with its content counts; it is removed at the end."""
    shared, other = SharedFile.below(tmp_path), SharedFile.below(tmp_path)
    assert not can_read(shared)
    with shared.written():
        assert can_read(shared)
        assert not can_read(other)
        Path(other.path).write_text("of another harvest")
        assert not can_read(other)
    assert not Path(shared.path).exists()
    with pytest.raises(LocalError), SharedFile.below(tmp_path / "no").written():
        pass


async def test_rooms():
    """An archive has room for its hosts and two frames for each worker."""
    workers = 0
    rooms = Rooms({"sdss": 1}, lambda: workers)
    taken = []

    async def take(archive, until):
        async with rooms.of(archive):
            taken.append(archive)
            await until.wait()

    end = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(take("sdss", end))
        group.create_task(take("mast", end))
        while len(taken) < 2:
            await asyncio.sleep(0)
        assert sorted(taken) == ["mast", "sdss"]
        workers = 1
        while len(taken) < 4:
            await asyncio.sleep(0.01)
        end.set()

"""Fixtures of the tests with Dask."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from dask_processes import DaskProcesses
from failing_cuts import cut_all

from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted
from harvester.run.executors.dask.opened import dask_executor
from harvester.run.executors.executor_limits import ExecutorLimits
from harvester.settings.executor_choice import ExecutorChoice

_REPOSITORY = Path(__file__).resolve().parents[3]

LIMITS = ExecutorLimits(
    processes=0,
    cut_s=60,
    memory_bytes=2 << 30,
    outstanding_bytes=1 << 20,
    patience_s=60,
    frames=Path(),
    frames_by="auto",
    at_once={"sdss": 2},
)


class DaskBench:
    """Makes jobs and executors below one folder."""

    def __init__(self, folder):
        self.out, self.frames = folder / "out", folder / "out" / "frames"
        self.frames.mkdir(parents=True)
        (self.frames / "frame").write_bytes(b"a frame")
        self.said = []

    def job(self, *targets):
        """Give a job that wants stamps of some targets."""
        spec = CutoutSpec(StampSize.parse("4px"))
        wanted = tuple(Wanted(n, f"id{n}", 0.0, 0.0, f"s/{n}.fits") for n in targets)
        product, path = Product("sdss", "f", "r", "u"), str(self.frames / "frame")
        return FrameJob(product, path, str(self.out), wanted, spec)

    def executor(self, name, cut=cut_all, **limits):
        """Make an executor."""
        choice = ExecutorChoice.parse(name)
        return dask_executor(
            choice,
            replace(LIMITS, frames=self.frames, **limits),
            self.said.append,
            cut=cut,
        )

    async def begun(self):
        """Wait until a worker has begun to cut slowly."""
        while not (self.frames / "begun").exists():
            await asyncio.sleep(0.02)

    def stamps(self):
        """Give the content of the stamps on disk."""
        found = (self.out / "s").glob("*")
        return {path.name: path.read_bytes().decode() for path in found}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Give a folder for jobs; workers can import the functions of the tests."""
    monkeypatch.setenv("PYTHONPATH", f"{_REPOSITORY}:{Path(__file__).parent}")
    return DaskBench(tmp_path)


@pytest.fixture
def dask_processes(tmp_path):
    """Give a scheduler of its own; workers are started by the test."""
    with closing(DaskProcesses(tmp_path / "dask")) as processes:
        processes.start_scheduler()
        yield processes


@pytest.fixture
async def stack():
    """Give a stack of contexts that is closed after the test."""
    async with AsyncExitStack() as opened:
        yield opened

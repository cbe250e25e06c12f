"""Which executor the settings give."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.errors import InputError
from harvester.run.executors import chosen
from harvester.run.executors.executor_limits import ExecutorLimits
from harvester.run.executors.processes import Cutter

LIMITS = ExecutorLimits(
    processes=3,
    cut_s=1,
    memory_bytes=1 << 30,
    outstanding_bytes=1,
    patience_s=1,
    frames=Path("frames"),
    frames_by="auto",
    at_once={},
)


def test_processes():
    """The default is the process pool."""
    executor = chosen.make_executor("processes", LIMITS, print)
    assert isinstance(executor, Cutter)
    assert executor.processes == 3


def test_missing_extra(monkeypatch):
    """Without Dask the error names the extra to install."""
    monkeypatch.setattr(chosen, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"galaxy-harvester\[dask\]"):
        chosen.make_executor("dask:local", LIMITS, print)


def test_frames_in_hand():
    """With Dask workers may come, so that a lane may have more frames in hand."""
    assert chosen.most_at_once("processes", 4) == 4
    assert chosen.most_at_once("dask:local:2", 4) > 100

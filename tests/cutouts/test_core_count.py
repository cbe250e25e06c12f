"""The number of cutting processes, by the limits of control groups."""

from __future__ import annotations

import math
import os

import pytest

from harvester.cutouts.core_count import Room, process_count, read_room

GIB = 1 << 30


def _machine(root, groups, files):
    """Write the files that a kernel shows to a process in some control groups."""
    told = root / "proc/self/cgroup"
    told.parent.mkdir(parents=True)
    told.write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_room(root)


@pytest.mark.parametrize(
    ("groups", "files", "quota", "memory"),
    [
        pytest.param(
            "0::/\n",
            {"cpu.max": "150000 100000\n", "memory.max": f"{4 * GIB}\n"},
            1.5,
            4 * GIB,
            id="version 2, in a container",
        ),
        pytest.param(
            "0::/user.slice/run.scope\n",
            {
                "user.slice/run.scope/cpu.max": "max 100000\n",
                "user.slice/run.scope/memory.max": "max\n",
                "user.slice/cpu.max": "50000 100000\n",
                "user.slice/memory.max": f"{GIB}\n",
            },
            0.5,
            GIB,
            id="version 2, the limit of a group above",
        ),
        pytest.param(
            "4:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f\n0::/docker/1f\n",
            {
                "cpu/cpu.cfs_quota_us": "250000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": f"{2 * GIB}\n",
            },
            2.5,
            2 * GIB,
            id="version 1, only the end of the path is mounted",
        ),
        pytest.param(
            "2:memory:/a\n1:cpu:/a\n",
            {
                "cpu/a/cpu.cfs_quota_us": "-1\n",
                "cpu/a/cpu.cfs_period_us": "100000\n",
                "memory/a/memory.limit_in_bytes": "9223372036854771712\n",
            },
            math.inf,
            math.inf,
            id="version 1, without limits",
        ),
        pytest.param(
            "0::/\n",
            {"cpu.max": "a lot\n", "memory.max": "\n"},
            math.inf,
            math.inf,
            id="files that make no sense",
        ),
    ],
)
def test_control_groups(tmp_path, groups, files, quota, memory):
    """Limits of both versions are found, also those of groups around the process."""
    room = _machine(tmp_path, groups, files)
    assert (room.quota, room.memory) == (quota, memory)
    assert room.cores == len(os.sched_getaffinity(0))


def test_no_control_groups(tmp_path):
    """Without control groups the cores alone count."""
    assert read_room(tmp_path) == Room(len(os.sched_getaffinity(0)), math.inf, math.inf)


@pytest.mark.parametrize(
    ("cores", "quota", "memory", "processes"),
    [
        pytest.param(64, math.inf, math.inf, 64, id="a machine"),
        pytest.param(64, 1.5, math.inf, 2, id="a part of a core"),
        pytest.param(64, 0.2, math.inf, 1, id="less than a core"),
        pytest.param(2, 8.0, math.inf, 2, id="more than there is"),
        pytest.param(64, math.inf, 4 * GIB, 14, id="little memory"),
        pytest.param(64, math.inf, GIB // 4, 1, id="hardly any memory"),
    ],
)
def test_processes(cores, quota, memory, processes):
    """There is a process for each core, and for a part of one, and memory for each."""
    assert Room(cores, quota, memory).processes == processes


def test_here():
    """On this machine there is at least one process, and no more than cores."""
    assert 1 <= process_count() <= len(os.sched_getaffinity(0))

"""The templates that start Dask workers are such that workers start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

_REPOSITORY = Path(__file__).resolve().parents[3]
_SLURM = _REPOSITORY / "docker" / "slurm" / "dask-workers.sbatch"
_KUBERNETES = _REPOSITORY / "docker" / "kubernetes" / "dask-workers.yaml"
_DASK = Path(sys.executable).with_name("dask")


def containers():
    """Give the containers of the manifest."""
    parts = list(yaml.safe_load_all(_KUBERNETES.read_text()))
    return [
        container
        for part in parts
        if part["kind"] == "Deployment"
        for container in part["spec"]["template"]["spec"]["containers"]
    ]


@pytest.mark.parametrize("container", containers(), ids=lambda one: one["name"])
def test_kubernetes_commands(container):
    """Each option in the manifest is one of its command; containers may do little."""
    program, command, *words = container["command"]
    assert program == "dask"
    told = subprocess.run(
        [_DASK, command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"--[a-z][a-z-]+", told))
    options = {word for word in words if word.startswith("--")}
    assert options
    assert options <= known
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_kubernetes_service():
    """Workers look for the scheduler where the service is, at its port."""
    service = next(yaml.safe_load_all(_KUBERNETES.read_text()))
    (port,) = service["spec"]["ports"]
    scheduler, worker = containers()
    address = f"tcp://{service['metadata']['name']}:{port['port']}"
    assert worker["command"][2] == address
    assert str(port["port"]) in scheduler["command"]


async def test_slurm_script(bench, dask_processes, tmp_path, stack):
    """The script of a SLURM job starts a worker that a harvest can use."""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\nexec "$@"\n')
    srun.chmod(0o755)
    path = f"{srun.parent}:{_DASK.parent}:{os.environ['PATH']}"
    worker = subprocess.Popen(  # noqa: ASYNC220 - takes a moment only
        ["bash", _SLURM, dask_processes.address],
        env=os.environ | {"PATH": path, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    stack.callback(worker.wait)
    stack.callback(worker.terminate)
    executor = await stack.enter_async_context(bench.executor(dask_processes.executor))
    await executor.cut(bench.job(1))
    assert bench.stamps() == {"1.fits": "stamp 1"}

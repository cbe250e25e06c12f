"""The template for job arrays, without SLURM: what it calls and what follows."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

_TEMPLATE = Path(__file__).parents[1] / "docker" / "slurm" / "array.sbatch"

#: Ends with a code, or works until it is signalled.
_HARVESTER = """#!/bin/bash
trap 'echo stopping; sleep 0.2; exit 143' TERM
echo "harvester $*"
[[ $CODE ]] && exit "$CODE"
while true; do sleep 0.02; done
"""


@pytest.fixture
def task(tmp_path):
    """Give a function that starts the template as a task would."""
    for name, text in (
        ("harvester", _HARVESTER),
        ("scontrol", '#!/bin/sh\necho "scontrol $*"\n'),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    started = []

    def start(code=""):
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "SLURM_ARRAY_TASK_ID": "12",
            "SLURM_JOB_ID": "345",
            "CODE": str(code),
        }
        process = subprocess.Popen(
            ["bash", _TEMPLATE, tmp_path / "parts"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "broker").touch()
    yield start
    for process in started:
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def told(process, *words):
    """Read its lines until one has begun with each of some words."""
    lines = []
    for word in words:
        while not (lines and lines[-1].startswith(word)):
            line = process.stdout.readline()
            assert line, lines
            lines.append(line)
    return lines


@pytest.mark.parametrize(
    ("code", "ends", "is_requeued"),
    [(0, 0, False), (3, 0, False), (5, 0, True), (2, 2, False), (7, 7, False)],
)
def test_end(task, tmp_path, code, ends, is_requeued):
    """A task fails with the harvest, and is queued again after a long outage."""
    process = task(code)
    said, _ = process.communicate(timeout=60)
    part = f"{tmp_path}/parts/part-0012"
    assert f"harvester resume {part} --broker {tmp_path}/parts/broker\n" in said
    assert ("scontrol requeue 345\n" in said) == is_requeued
    assert process.returncode == ends


def test_time_is_up(task):
    """Before its time is up the harvest stops in order, and then the task is queued."""
    process = task()
    told(process, "harvester")
    process.send_signal(signal.SIGUSR1)
    told(process, "stopping", "scontrol requeue 345")
    assert process.wait(60) == 0


def test_cancelled(task):
    """A task that is cancelled is not queued again."""
    process = task()
    told(process, "harvester")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert "stopping" in said
    assert "scontrol" not in said
    assert process.returncode == 143


def test_waits_for_broker(task, tmp_path):
    """Without the file of the broker a task waits, and says so."""
    (tmp_path / "parts" / "broker").unlink()
    process = task(0)
    told(process, f"waiting for {tmp_path}/parts/broker")
    assert process.poll() is None


def test_no_parts():
    """Without the folder of the parts it ends with what is missing."""
    done = subprocess.run(
        ["bash", _TEMPLATE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "give the folder" in done.stderr

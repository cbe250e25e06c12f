"""Exports that are killed at random moments have the bytes of undisturbed ones."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec

import pytest
from small_run import SmallRun

from harvester.dataset.export.registry import export_formats

_FORMATS = [
    one for one in export_formats().values() if all(map(find_spec, one.modules))
]


def _start(run, name):
    command = [sys.executable, "-m", "harvester", "export", str(run.out), "--to", name]
    return subprocess.Popen(
        [*command, "--split", "0.6/0.2/0.2", "--seed", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(run, name):
    process = _start(run, name)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def _tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give a run that takes a while to export."""
    return SmallRun(tmp_path_factory.mktemp("kills") / "run", count=1000)


@pytest.mark.harvest
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [one.name for one in _FORMATS])
def test_kills(run, often, name):
    """After many kills the same command gives the same bytes and no other file."""
    out = run.out / "exports" / name
    start = time.monotonic()
    _finish(run, name)
    took = time.monotonic() - start
    undisturbed = _tree(out)
    shutil.rmtree(out)
    draw, kills = random.Random(name), 0
    while kills < often(5, 20):
        process = _start(run, name)
        # The time is the fault here, not something that is waited for.
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=draw.uniform(0, took))
        if process.poll() is None:
            process.kill()
            process.communicate()
            kills += 1
        elif out.exists():
            assert _tree(out) == undisturbed
            shutil.rmtree(out)
    _finish(run, name)
    assert _tree(out) == undisturbed
    assert [path.name for path in out.parent.glob(f"{name}*")] == [name]

"""The gallery is killed while it is drawn, and made again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from service import harvester, sandbox

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: Times that the galaxies of a small run are repeated.
_TIMES = 20


@pytest.fixture
def run(tmp_path):
    """Harvest some galaxies, and repeat them in the manifest."""
    out = tmp_path / "out"
    with sandbox(tmp_path, "--targets", "30", "--no-hst-images") as archives:
        words = ("run", archives.catalogue, "--out", out, "--survey", "sdss:r")
        assert harvester(*words, *archives.flags()).returncode == 0
    table = pq.read_table(out / "manifest.parquet")
    place = table.schema.get_field_index("target")
    tables = []
    for number in range(_TIMES):
        shifted = pa.array([one.as_py() + 30 * number for one in table["target"]])
        tables.append(table.set_column(place, table.schema.field(place), shifted))
    pq.write_table(pa.concat_tables(tables), out / "manifest.parquet")
    return out


def _chunks(run):
    return sorted(run.glob("gallery/chunks/*/*.js"))


def _start(run):
    return subprocess.Popen(
        [sys.executable, "-m", "harvester", "gallery", run, "--processes", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed(run):
    """What was drawn is kept, the rest is drawn, and no process stays behind."""
    with _start(run) as process:
        while len(_chunks(run)) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    before = {path: path.read_bytes() for path in _chunks(run)}
    done = harvester("gallery", run)
    assert done.returncode == 0, done.stderr
    total = -(-30 * _TIMES // 16)
    assert f"{total - len(before)} of {total} groups" in done.stdout
    after = {path: path.read_bytes() for path in _chunks(run)}
    assert len(after) == total
    shutil.rmtree(run / "gallery")
    assert harvester("gallery", run, "--processes", 1).returncode == 0
    assert after == {path: path.read_bytes() for path in _chunks(run)}

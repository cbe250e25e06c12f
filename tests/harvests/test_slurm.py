"""A job array of a real SLURM harvests a run in parts, behind one broker."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.parquet as pq
import pytest
from service import (
    brisk_environment,
    command_on_path,
    free_ports,
    harvester,
    kill_group,
    stamps,
    start,
    status,
    wait_for,
)
from slurm import CPUS, cluster, need_slurm

from harvester.sandbox.server import SandboxOptions, run_in_thread
from harvester.sandbox.stats import RateLimit

if TYPE_CHECKING:
    from slurm import Slurm

pytestmark = [
    pytest.mark.harvest,
    # A cluster is started, and two whole harvests are made.
    pytest.mark.machines,
]

_TEMPLATE = Path(__file__).parents[2] / "docker" / "slurm" / "array.sbatch"

_SURVEY = ("--survey", "sdss:g,r,i")

#: Two frames a second. The server forgives half of each gap, as this machine may be
#: busy; eight tasks without a broker would be far above.
_RATES = {
    "HARVESTER__SERVICES__SDSS_SKY__RATE": "1",
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "2",
    "HARVESTER__SERVICES__SDSS_SAS__FILES": "2",
}
_LIMITS = {"sdss-sky": RateLimit(60, 0.5), "sdss-sas": RateLimit(120, 0.25)}


class Scene(NamedTuple):
    """Archives, an undivided harvest, and a run in parts that waits for its tasks."""

    folder: Path
    slurm: Slurm
    server: object
    #: The undivided harvest, and the folder of the parts.
    whole: Path
    parts: Path
    #: Of the harvests.
    environment: dict[str, str]

    @property
    def files(self):
        """Requests for frames so far."""
        return self.server.stats.as_json()["sdss-sas"]["requests"]

    def submit(self, *words):
        """Submit the template for the parts; give the number of the job."""
        return self.slurm.submit(
            "--cpus-per-task=1",
            f"--output={self.folder}/task-%a.log",
            *words,
            _TEMPLATE,
            self.parts,
            **self.environment,
        )

    def said(self, task):
        """Give what a task has said so far."""
        log = self.folder / f"task-{task}.log"
        return log.read_text() if log.exists() else ""

    def begun(self):
        """Give the tasks with some stamps, but not with all."""
        told = json.loads((self.parts / "split.json").read_text())
        for task, part in enumerate(told["parts"]):
            if 0 < len(stamps(self.parts / part["folder"])) < part["stamps"]:
                yield task


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Start a cluster."""
    need_slurm()
    with cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="module")
def scene(slurm, tmp_path_factory):
    """Harvest a catalogue undivided, and split it into as many parts as tasks."""
    folder = tmp_path_factory.mktemp("array")
    options = SandboxOptions(
        seed=11,
        targets=24,
        per_field=3,
        hst_images=False,
        catalogue=folder / "catalogue.fits",
        rates=_LIMITS,
        strict=True,
    )
    with run_in_thread(options) as server:
        flags = [f"--base-url={name}={url}" for name, url in server.urls.items()]
        listed, whole = options.catalogue, folder / "whole"
        done = harvester("run", listed, "--out", whole, *_SURVEY, *flags, **_RATES)
        assert done.returncode == 0, done.stdout + done.stderr
        run, parts = folder / "run", folder / "parts"
        done = harvester("plan", listed, "--out", run, *_SURVEY, *flags, **_RATES)
        assert done.returncode == 0, done.stdout + done.stderr
        done = harvester("split", run, "--into", CPUS, "--out", parts)
        assert done.returncode == 0, done.stdout + done.stderr
        scene = Scene(folder, slurm, server, whole, parts, _environment(folder))
        yield scene
        # Shown if a test fails.
        for task in range(CPUS):
            print(f"-- task {task}", scene.said(task), sep="\n")


def _environment(folder):
    """Give the environment of tasks that share nothing but the broker."""
    path = command_on_path(folder)
    command = folder / "bin" / "harvester"
    own = f'export XDG_STATE_HOME="{folder}/state-$SLURM_ARRAY_TASK_ID"'
    command.write_text(command.read_text().replace("\n", f"\n{own}\n", 1))
    return brisk_environment(**_RATES, PATH=path)


@contextmanager
def broker(scene, port):
    """Run a broker during the block."""
    words = ("--listen", f"127.0.0.1:{port}", "--address-file", scene.parts / "broker")
    process = start("broker", *words, HARVESTER_BROKER_SECRET="a secret of tests")
    try:
        wait_for((scene.parts / "broker").exists, process)
        yield
    finally:
        kill_group(process)


def test_array(scene):
    """Eight tasks wait for the broker, are disturbed, and make what one would make."""
    slurm, before = scene.slurm, scene.files
    port = _known_port(scene)
    job = scene.submit()
    slurm.wait_until(
        lambda: all("waits for the broker" in scene.said(n) for n in range(CPUS))
    )
    assert scene.files == before
    with broker(scene, port):
        first = _one_begun(scene)
        # As SLURM does before the time is up: to the script, not to the harvest.
        slurm.ask("scancel", "--batch", "--signal=USR1", f"{job}_{first}")
        slurm.wait_until(lambda: "is scheduled again" in scene.said(first))
        slurm.wait_until(lambda: slurm.tasks(job).get(f"{job}_{first}") == "PENDING")
        other = _one_begun(scene, but=first)
        slurm.ask("scancel", f"{job}_{other}")
        slurm.wait_until(lambda: f"{job}_{other}" not in slurm.tasks(job))
        again = scene.submit(f"--array={other}")
        slurm.wait_until(lambda: not _left(slurm, job, again), 120)
    _check_merged(scene)


def _left(slurm, *jobs):
    """Give the tasks that are not through; those that wait go on at once.

    SLURM lets tasks that were queued again wait for two minutes.
    """
    left = slurm.tasks(*jobs)
    for task in (name for name, state in left.items() if state == "PENDING"):
        with suppress(AssertionError):  # it has begun meanwhile
            slurm.ask("scontrol", "update", f"JobId={task}", "StartTime=now")
    return left


def _known_port(scene):
    """Start a broker and end it, so that its address is known; give its port."""
    port = free_ports(1)
    with broker(scene, port):
        pass
    return port


def _one_begun(scene, but=None):
    """Wait for a task that is in the middle of its part; give its number."""
    found = []

    def look():
        found[:] = [task for task in scene.begun() if task != but]
        return found

    scene.slurm.wait_until(look)
    return found[0]


def _check_merged(scene):
    merged = scene.folder / "merged"
    done = harvester("merge", scene.parts, "--out", merged)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stamps(merged) == stamps(scene.whole) != []
    for file in (*stamps(merged), "labels.parquet"):
        assert (merged / file).read_bytes() == (scene.whole / file).read_bytes()
    assert _manifest(merged) == _manifest(scene.whole)
    assert harvester("verify", merged, "--deep").returncode == 0
    told = status(merged)["surveys"]["sdss"]
    assert told["done"] == 24
    stats = scene.server.stats.as_json()["sdss-sas"]
    assert stats["rate_violations"] == stats["cooldown_violations"] == 0


def _manifest(run):
    # A frame that an earlier process fetched is known by its hash, not by its ETag.
    table = pq.read_table(run / "manifest.parquet")
    return table.drop_columns("parent").to_pylist()

"""Whole harvests with each executor write the same data set, and keep the limits."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass

import psutil
import pyarrow.parquet as pq
import pytest
from dask_processes import DaskProcesses
from service import harvester, stamps, start, status, wait_for

from harvester.sandbox.server import SandboxOptions, run_in_thread
from harvester.sandbox.stats import RateLimit

pytestmark = [pytest.mark.harvest, pytest.mark.timeout(300)]

#: What the harvests may send a second; the strict server forgives half of each gap, as
#: this machine may be busy.
_RATE = 3
_STRICT = {
    name: RateLimit(60 * _RATE, 0.15) for name in ("mast", "sdss-sas", "sdss-sky")
}
_RATES = {
    "HARVESTER__SERVICES__SDSS_SAS__RATE": str(_RATE),
    "HARVESTER__SERVICES__SDSS_SKY__RATE": str(_RATE),
    "HARVESTER__SERVICES__MAST__RATE": str(_RATE),
}


@dataclass(frozen=True)
class Harvested:
    """What a harvest left, and what the server saw of it."""

    stamps: dict
    manifest: list
    stats: dict
    told: dict
    said: str


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve a small sky that refuses what comes too fast."""
    folder = tmp_path_factory.mktemp("archives")
    options = SandboxOptions(
        seed=5,
        targets=24,
        per_field=4,
        catalogue=folder / "catalogue.fits",
        rates=_STRICT,
        strict=True,
    )
    with run_in_thread(options) as running:
        yield running, options.catalogue


@pytest.fixture(scope="module")
def harvest(archives, tmp_path_factory):
    """Give a function that harvests with an executor, in a state folder of its own."""
    running, catalogue = archives

    def run(executor, **environment):
        folder = tmp_path_factory.mktemp("harvest")
        out = folder / "out"
        running.stats.reset()
        flags = [f"--base-url={name}={url}" for name, url in running.urls.items()]
        done = harvester(
            *("run", catalogue, "--out", out, "--executor", executor, *flags),
            HARVESTER__POLITENESS__STATE_DIR=str(folder / "state"),
            **_RATES,
            **environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        verified = harvester("verify", out, "--deep")
        assert verified.returncode == 0, verified.stdout
        return Harvested(
            {
                str(path.relative_to(out)): path.read_bytes()
                for path in out.glob("cutouts/**/*.fits")
            },
            pq.read_table(out / "manifest.parquet").to_pylist(),
            running.stats.as_json(),
            status(out),
            done.stdout,
        )

    return run


@pytest.fixture(scope="module")
def expected(harvest):
    """Give what the process pool of this machine makes."""
    return harvest("processes")


@contextmanager
def cluster(folder, count):
    """Give a scheduler with workers, all of them processes of their own."""
    with closing(DaskProcesses(folder)) as processes:
        processes.start_scheduler()
        for _ in range(count):
            processes.start_worker()
        yield processes


def same(found, expected):
    """Whether stamps, manifest and counts of a harvest are those of another."""
    assert len(expected.stamps) > 24
    assert found.stamps == expected.stamps
    assert found.manifest == expected.manifest
    for name in ("surveys", "frames", "ways"):
        assert found.told[name] == expected.told[name]
    asked = sum(found.told["requests"].values())
    assert asked == sum(one["requests"] for one in found.stats.values())
    violations = {name: one["rate_violations"] for name, one in found.stats.items()}
    assert not any(violations.values()), violations
    return True


@pytest.mark.parametrize("workers", [2, 4])
def test_local_cluster(harvest, expected, workers):
    """With workers on this machine all bytes are those of the process pool."""
    assert same(harvest(f"dask:local:{workers}"), expected)


def test_killed_harvest(archives, tmp_path):
    """After `kill -9` of a harvest no process of its local cluster is left."""
    running, catalogue = archives
    out, flags = (
        tmp_path / "out",
        [f"--base-url={k}={v}" for k, v in running.urls.items()],
    )
    process = start(
        *("run", catalogue, "--out", out, "--executor", "dask:local:2", *flags),
        **_RATES,
    )
    wait_for(lambda: stamps(out), process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("local_cluster" in " ".join(one.cmdline()) for one in children)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, 60)
    assert alive == []


@pytest.mark.parametrize("frames_by", ["path", "workers"])
def test_own_scheduler(harvest, expected, tmp_path, frames_by):
    """So they are with a scheduler of one's own, by path and by workers that fetch."""
    with cluster(tmp_path / "dask", 2) as processes:
        found = harvest(processes.executor, HARVESTER__WORK__FRAMES_BY=frames_by)
    assert same(found, expected)

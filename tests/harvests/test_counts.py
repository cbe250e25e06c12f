"""The cost of a harvest in exact numbers: requests, files and decodes.

One harvest runs inside the test's own event loop, so that what its loop and its
process pool do can be watched.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from service import sandbox

from harvester.places import Places
from harvester.run.begin import begin
from harvester.run.executors.processes import Cutter
from harvester.run.harvest import harvest, make_manifest
from harvester.settings.settings import load_settings
from harvester.status.report import read_report

pytestmark = [pytest.mark.harvest, pytest.mark.long]

GALAXIES = 60

#: Rates higher than for real archives.
RATES = {"sdss_sky": 50, "sdss_sas": 100, "mast": 100, "s3": 100}


@dataclass
class Watched:
    """A finished harvest, and what was recorded of it."""

    stats: dict[str, dict]
    #: Paths that were requested and served, by service.
    found: dict[str, list[str]]
    #: Stamps that are done, as rows of the manifest.
    stamps: list[dict]
    #: Frames sent to the process pool, repeated ones several times.
    jobs: Counter
    #: Output of status at the end.
    report: dict
    #: For each check of the event loop: seconds by which it was late, and CPU
    #: seconds of its thread since the check before.
    looks: list[tuple[float, float]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Harvest both surveys in this process."""
    folder = tmp_path_factory.mktemp("counts")
    options = ("--seed", "5", "--targets", str(GALAXIES), "--per-field", "5")
    with sandbox(folder, *options) as archives, pytest.MonkeyPatch.context() as patch:
        jobs = _count_jobs(patch)
        places = Places(folder / "out")
        places.out.mkdir()
        settings = load_settings(
            catalogue={"path": str(archives.catalogue)},
            services=_services(archives.urls),
            # A request for each frame, whatever the bandwidth of this machine.
            sdss={"way": "early"},
        )
        begin(settings, places, lambda _: None)
        looks = asyncio.run(_harvest(settings, places))
        stats = archives.stats()
        found = {name: _found(archives, name) for name in archives.urls}
    make_manifest(places)
    rows = pq.read_table(places.manifest).to_pylist()
    stamps = [row for row in rows if row["status"] == "done"]
    return Watched(stats, found, stamps, jobs, read_report(places), looks)


def _services(urls):
    return {
        name: {"rate": rate, "base_url": urls[name.replace("_", "-")]}
        for name, rate in RATES.items()
    }


def _count_jobs(patch):
    jobs = Counter()
    once = Cutter._once

    async def counted(self, job):
        jobs[job.product.name] += 1
        return await once(self, job)

    patch.setattr(Cutter, "_once", counted)
    return jobs


def _found(archives, name):
    visits = json.loads(archives.ask("/_log", service=name))
    return [
        visit["path"]
        for visit in visits
        if visit["status"] < 300 and visit["method"] != "HEAD"
    ]


async def _harvest(settings, places):
    looks = []
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(looks))
        outcome = await harvest(
            settings, places, listener=lambda _: None, started=lambda _: None
        )
        watching.cancel()
    assert outcome.troubles == []
    return looks


async def _watch(looks, every_s=0.005):
    clock = asyncio.get_running_loop().time
    while True:
        due, used = clock() + every_s, time.thread_time()
        await asyncio.sleep(every_s)
        looks.append((clock() - due, time.thread_time() - used))


def _missing(watched):
    return watched.stats["sdss-sas"]["by_status"].get("404", 0)


def _name(path):
    return path.rpartition("/")[2]


def _products(watched, survey):
    return {row["product"] for row in watched.stamps if row["survey"] == survey}


def test_discovery(watched):
    """Galaxies are located by few queries, not by one query each.

    Three requests locate them all in HST, and one tells which images the bucket has.
    SDSS is asked once for the galaxies whose identifiers name fields far from them, and
    again only for those whose identifiers name a frame that it does not have; before
    that for a place that must be in its answers.
    """
    queries = [path for path in watched.found["mast"] if "Download/file" not in path]
    assert len(queries) <= 4
    assert watched.stats["sdss-sky"]["requests"] <= 2 + _missing(watched)


def test_files(watched):
    """Each frame that stamps were cut from is fetched, and no other."""
    sdss = [_name(path) for path in watched.found["sdss-sas"]]
    assert sorted(sdss) == sorted(_products(watched, "sdss"))
    mast = [path for path in watched.found["mast"] if "Download/file" in path]
    hst = [_name(path) for path in [*watched.found["s3"], *mast]]
    assert set(hst) == _products(watched, "hst")
    assert sum(row["survey"] == "sdss" for row in watched.stamps) == GALAXIES


def test_no_repeats(watched):
    """No frame is fetched twice; only frames with few galaxies are closed early."""
    galaxies = Counter(row["product"] for row in watched.stamps)
    for service in ["sdss-sas", "s3", "mast"]:
        stats = watched.stats[service]
        assert stats["fetched_more_than_once"] == {}
        for path, times in stats["broken_off"].items():
            assert service == "sdss-sas"
            assert (times, galaxies[_name(path)] <= 3) == (1, True)


def test_bytes(watched, record_property):
    """Each galaxy costs its share of a frame, and not more than its stamps need.

    The sandbox's frames have 3.8 MB, and five galaxies each: four fifths are needed.
    Of HST's frames the headers and the stamps' rows are fetched, but one comes whole:
    only MAST has it.
    """
    for survey, most_each, most in [
        ("sdss:r", 3.9e6 / 5, 1.4),
        ("hst:WFC3/IR:F160W", 1.7e6, 14),
    ]:
        fetched, needed = watched.report["image_bytes"][survey].values()
        stamps = sum(row["survey"] == survey[:4].strip(":") for row in watched.stamps)
        record_property(f"bytes a galaxy, {survey}", fetched / stamps)
        print(f"{survey}: {fetched / stamps:,.0f} bytes a galaxy, {fetched / needed}")
        assert fetched / stamps <= most_each
        assert 1 <= watched.report["amplification"][survey] <= most


def test_decoded_once(watched):
    """A frame goes to the process pool once, with all of its galaxies.

    A galaxy whose identifier names a frame that does not exist is looked up by
    position when all others are through: its frame is then opened once more.
    """
    frames = _products(watched, "sdss") | _products(watched, "hst")
    assert set(watched.jobs) == frames
    assert all(watched.jobs[name] == 1 for name in _products(watched, "hst"))
    assert sum(watched.jobs.values()) <= len(frames) + _missing(watched)


def test_event_loop_is_free(watched, record_property):
    """In 99 of 100 intervals the event loop's thread uses less than 20 ms of CPU.

    That is all that is asserted: the CPU time of the event loop's own thread from one
    look, every 5 ms, to the next. Not asserted is how late a look is on the wall
    clock, which is what the goal of 20 ms is about: it counts also what others do on
    this machine, and what another thread does that holds Python's lock. It is printed
    and recorded beside it, to be judged on a machine that does nothing else.
    """
    late_ms = _per_cents([1000 * late for late, _ in watched.looks])
    busy_ms = _per_cents([1000 * busy for _, busy in watched.looks])
    for what, ms in [("late on the clock", late_ms), ("busy, CPU", busy_ms)]:
        record_property(f"event loop {what}, p99 ms", ms[99])
        print(
            f"event loop {what}: p50 {ms[50]:.1f}, p99 {ms[99]:.1f}, "
            f"most {ms[100]:.1f} ms in {len(watched.looks)} looks"
        )
    assert busy_ms[99] < 20


def _per_cents(values):
    values = sorted(values)
    return [values[min(len(values) * n // 100, len(values) - 1)] for n in range(101)]

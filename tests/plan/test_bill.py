"""The bill, computed from counts in the ledger."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from harvester.archives.kind import Way
from harvester.archives.registry import kind_of
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import FrameGroup, LedgerView
from harvester.models import CutoutSpec, HostFacts, Plane, StampSize, Survey, Target
from harvester.places import Places
from harvester.plan.bill import Allowance, Counts, Manner, make_bill, read_bill, totals
from harvester.plan.traffic import Priced, SampleSummary
from harvester.plan.words import bill_in_words
from harvester.run import kept_facts
from harvester.settings.settings import load_settings

SDSS = Survey.parse("sdss:r")
HST = Survey.parse("hst:WFC3/IR:F160W")

SPEC = CutoutSpec(StampSize.parse("15.84arcsec"))

ALLOWED = Allowance(
    manners={
        "sdss-sky": Manner("sky", 1.0, 1),
        "sdss-sas": Manner("sas", 10.0, 4),
        "mast": Manner("mast", 5.0, 4),
        "s3": Manner("s3", 50.0, 16),
    },
    specs={"sdss": SPEC, "hst": SPEC},
    cores=2,
    cache_bytes=10**9,
    bandwidth=20e6,
    # Frames of SDSS come as one stream.
    ways={"sdss": Way.EARLY},
)

COPIED = Priced(True, 18, requests=100, bytes=36_000_000, whole=216_000_000, guessed=2)
DIRECT = Priced(False, 1, requests=8, bytes=6_000_000, whole=12_000_000, guessed=0)

#: 1,000 galaxies: 900 in 225 frames of SDSS, 100 not looked up; 40 seen by Hubble.
COUNTS = Counts(
    targets=1000,
    surveys={0: SDSS, 1: HST},
    tallies={
        0: Counter(located=900, pending=100),
        1: Counter(located=40, no_coverage=960),
    },
    unlocated={0: 100},
    to_come=[
        FrameGroup(0, mirrored=False, stamps=4, frames=225, sized=0, size=0),
        FrameGroup(1, mirrored=True, stamps=2, frames=18, sized=0, size=0),
        FrameGroup(1, mirrored=False, stamps=4, frames=1, sized=0, size=0),
    ],
    fetched=[],
    spent={"mast": (2, 30_000)},
    priced={"hst": [COPIED, DIRECT]},
    routes={"sdss:r": {"identifier": 900, "crossid": 2}},
    samples={"hst": SampleSummary(asked=19, missing=1)},
)


def test_requests_and_files():
    """Each host has the load of its service, and what was spent before."""
    hosts = make_bill(COUNTS, ALLOWED)["hosts"]
    asked = {host: (one["requests"], one["files"]) for host, one in hosts.items()}
    assert asked == {"sky": (2, 0), "sas": (225, 225), "mast": (1, 1), "s3": (100, 18)}
    assert hosts["mast"]["bytes"] == 12_000_000
    assert hosts["mast"]["spent_requests"] == 2
    assert hosts["s3"]["bytes"] == 36_000_000
    assert hosts["s3"]["bytes_from"] == "footprints"


def test_shared_host(monkeypatch):
    """Loads of two archives that share services are added on each host."""
    monkeypatch.setattr(
        "harvester.plan.bill.kind_of",
        lambda name: kind_of("hst" if name == "jwst" else name),
    )
    surveys = {1: HST, 2: replace(HST, archive="jwst")}
    counts = replace(
        COUNTS, surveys=surveys, priced={"hst": [DIRECT], "jwst": [DIRECT, DIRECT]}
    )
    counts = replace(counts, tallies={1: Counter(), 2: Counter()}, to_come=[])
    bill = make_bill(counts, replace(ALLOWED, specs={"hst": SPEC, "jwst": SPEC}))
    host = bill["hosts"]["mast"]
    assert (host["archive"], host["files"], host["bytes"]) == ("hst, jwst", 3, 36e6)
    for archive in ("hst", "jwst"):
        assert totals(bill, archive)["bytes"]["mast"] == 36_030_000


def test_routes():
    """The bill of each survey tells by which routes targets were located."""
    surveys = make_bill(COUNTS, ALLOWED)["surveys"]
    assert surveys["sdss:r"]["located_by"] == {"identifier": 900, "crossid": 2}
    assert surveys["hst:WFC3/IR:F160W"]["located_by"] == {}


@pytest.mark.parametrize(
    ("change", "seconds", "limit"),
    [
        ({"bandwidth": 1e12}, 43.8, "CPU"),
        ({"bandwidth": 1e12, "cores": 64}, 22.5, "sas: requests a second"),
        ({"bandwidth": 1e6}, 810 + 12 + 36, "bandwidth"),
    ],
)
def test_floor(change, seconds, limit):
    """The slowest of rates, bandwidth and cores decides, and is named."""
    bill = make_bill(COUNTS, replace(ALLOWED, **change))
    assert bill["limit"] == limit
    assert bill["seconds"] == pytest.approx(seconds, rel=0.01)


def test_disk():
    """Frames need at most the cache and those in flight; stamps need all of theirs."""
    bill = make_bill(COUNTS, replace(ALLOWED, cache_bytes=10**8))
    disk = bill["disk"]
    in_the_bucket = bill["hosts"]["s3"]["bytes"] / 18
    assert disk["frames"] == pytest.approx(
        100e6 + 4 * 3.6e6 + 16 * in_the_bucket + 4 * 12e6
    )
    assert disk["data_set"] == 900 * 20_160 + 40 * 89_280
    assert disk["peak"] == disk["frames"] + disk["data_set"]


def test_coverage():
    """Each survey counts its galaxies with, without and with unknown coverage."""
    surveys = make_bill(COUNTS, ALLOWED)["surveys"]
    assert surveys["sdss:r"]["covered"] == 900
    assert surveys["sdss:r"]["unlocated"] == 100
    assert surveys["hst:WFC3/IR:F160W"]["covered"] == 40
    assert surveys["hst:WFC3/IR:F160W"]["no_coverage"] == 960


def test_in_all():
    """Past costs are part of the totals of their archive, and of no other."""
    whole = totals(make_bill(COUNTS, ALLOWED), "hst")
    assert whole["frames"] == {"hst:WFC3/IR:F160W": 19}
    assert whole["requests"] == {"mast": 3, "s3": 100}
    assert whole["bytes"]["mast"] == 12_030_000


def test_nothing_to_do():
    """A finished run costs nothing more."""
    counts = replace(COUNTS, to_come=[], unlocated={}, priced={}, routes={})
    bill = make_bill(counts, ALLOWED)
    assert bill["seconds"] == 0
    assert sum(host["requests"] for host in bill["hosts"].values()) == 0
    assert "at least" not in bill_in_words(bill).splitlines()[-1]


def test_words():
    """The text tells hosts, sizes, limits, and what is not known yet."""
    said = bill_in_words(make_bill(COUNTS, ALLOWED))
    assert "1,000 targets" in said
    assert "size typical, limit bandwidth" in said
    assert "810.0 MB" in said
    assert "100 galaxies are not located yet" in said
    assert "sdss:r: located 900 by identifier (no request), 2 by CrossID" in said
    assert "s3: 2 footprints do not tell the axes" in said
    assert "are located again by position" in said


def test_planes_in_words():
    """The bill tells what the plane ivar of SDSS costs: bytes, decoding and disk."""
    spec = replace(SPEC, planes=(Plane.FLUX, Plane.IVAR))
    with_ivar = replace(ALLOWED, specs={"sdss": spec, "hst": SPEC})
    one = FrameGroup(0, mirrored=False, stamps=1, frames=900, sized=0, size=0)
    counts = replace(COUNTS, to_come=[one])
    usual, whole = make_bill(counts, ALLOWED), make_bill(counts, with_ivar)
    more = whole["hosts"]["sas"]["bytes"] - usual["hosts"]["sas"]["bytes"]
    assert more == whole["hosts"]["sas"]["bytes_for_planes"] > 1e9
    assert f"sas: {more / 1e9:.1f} GB of the size is due to the plane ivar" in (
        bill_in_words(whole)
    )
    assert "ivar" not in bill_in_words(usual)
    assert whole["cpu"]["seconds"] > 1.8 * usual["cpu"]["seconds"]
    assert whole["disk"]["data_set"] > usual["disk"]["data_set"]


async def test_bill_is_kept_once(tmp_path, monkeypatch):
    """Resuming a run does not compute its stored bill again."""
    bills = []

    def counted(*given):
        bills.append(read_bill(*given))
        return bills[-1]

    monkeypatch.setattr(kept_facts, "read_bill", counted)
    places, settings = Places(tmp_path), load_settings()
    create_ledger(places.ledger, targets=[], rejects=[], surveys=[HST], facts={})
    for _ in range(2):
        async with Ledger.open(places.ledger) as ledger:
            await kept_facts.keep_bill(ledger, places, settings, "hst", is_plan=True)
    (bill,) = bills
    with LedgerView.open(places.ledger) as view:
        assert json.loads(view.facts()["bill hst"]) == totals(bill, "hst")


async def test_retried_galaxies_are_billed_as_pending(tmp_path):
    """Galaxies of `retry` are billed, also those to be located by position."""
    places = Places(tmp_path)
    targets = [
        Target(number, f"g{number}", 1.0, 2.0, f"g{number}") for number in (0, 1)
    ]
    create_ledger(places.ledger, targets=targets, rejects=[], surveys=[SDSS], facts={})
    with sqlite3.connect(places.ledger) as db:
        db.execute(
            "UPDATE job SET state = 'failed', reason = 'x', by_position = target"
        )
    db.close()
    async with Ledger.open(places.ledger) as ledger:
        assert (await ledger.retry()).total() == 2
    bill = read_bill(places, ALLOWED)
    assert bill["surveys"]["sdss:r"]["unlocated"] == 2
    assert "2 galaxies are not located yet" in bill_in_words(bill)


@pytest.mark.parametrize(("free", "is_told"), [(1e12, False), (1e3, True)])
def test_room_in_words(free, is_told):
    """The text says if the bill exceeds the free disk space."""
    bill = make_bill(COUNTS, ALLOWED)
    bill["disk"]["free"] = free
    assert ("a harvest would not begin" in bill_in_words(bill)) is is_told


def test_neighbours():
    """The frames that large stamps may need beside their own are in the bill."""
    large = replace(SPEC, size=StampSize.parse("400px"), complete=True)
    small = replace(SPEC, complete=True)
    bills = {
        name: make_bill(COUNTS, replace(ALLOWED, specs={"sdss": spec, "hst": spec}))
        for name, spec in (("none", SPEC), ("small", small), ("large", large))
    }
    counted = {name: b["surveys"]["sdss:r"]["neighbours"] for name, b in bills.items()}
    assert counted == {"none": 0, "small": 0, "large": 155}
    assert bills["small"]["hosts"] == bills["none"]["hosts"]
    files = {name: b["hosts"]["sas"]["files"] for name, b in bills.items()}
    assert files["large"] == files["none"] + 155
    assert (
        bills["large"]["hosts"]["sas"]["bytes"] > bills["none"]["hosts"]["sas"]["bytes"]
    )
    assert "sdss:r: the bill includes 155 frames that" in bill_in_words(bills["large"])
    assert "--no-complete" not in bill_in_words(bills["small"])


def test_expected_ways():
    """The bill tells how frames are expected to come: a slow line takes ranges."""
    group = FrameGroup(0, mirrored=False, stamps=1, frames=225, sized=0, size=0)
    counts = replace(COUNTS, to_come=[group])
    near = replace(ALLOWED, cores=8, ways={}, known={"sas": HostFacts(latency_s=0.02)})
    fast, slow = (
        make_bill(counts, replace(near, bandwidth=bandwidth))
        for bandwidth in (1e9, 1e6)
    )
    assert fast["surveys"]["sdss:r"]["ways"] == {"stream": 225}
    assert slow["surveys"]["sdss:r"]["ways"] == {"ranges": 225}
    assert slow["hosts"]["sas"]["requests"] == 2 * fast["hosts"]["sas"]["requests"]
    assert "frames: ranges 225 (the bandwidth limits)" in bill_in_words(slow)
    assert "frames: stream 225 (the rate of 10 a second limits)" in bill_in_words(fast)


#: What a bill says of the host of the frames, before and after something was measured.
MEASURED = HostFacts(bandwidth=1.1e6, latency_s=0.18, measured_at=5.0)
SAID = [
    (
        {},
        {},
        "sas: assumed 20 MB/s and 200 ms to the first byte; nothing measured yet",
    ),
    ({"sas": MEASURED}, {}, "sas: measured 1.1 MB/s and 180 ms to the first byte"),
    (
        {"sas": replace(MEASURED, bandwidth=None, ranges=True)},
        {},
        "sas: assumed 20 MB/s, measured 180 ms to the first byte; gives ranges",
    ),
    (
        {"sas": MEASURED},
        {"bandwidth": 5e6, "is_given": True},
        "sas: given 5 MB/s, measured 180 ms to the first byte",
    ),
    (
        {"sas": replace(MEASURED, ranges=False)},
        {},
        "sas: measured 1.1 MB/s and 180 ms to the first byte; gave no ranges",
    ),
]


@pytest.mark.parametrize(("known", "change", "said"), SAID)
def test_speed_of_hosts(known, change, said):
    """The text says what bandwidth and latency the bill is based on, and why."""
    allowed = replace(ALLOWED, known=known, **change)
    assert said in bill_in_words(make_bill(COUNTS, allowed)).splitlines()


def test_measured_bandwidth():
    """Time and ways follow from what was measured at this host, not at others."""
    group = FrameGroup(0, mirrored=False, stamps=1, frames=225, sized=0, size=0)
    counts = replace(COUNTS, to_come=[group])
    auto = replace(ALLOWED, cores=8, bandwidth=1e9, ways={})
    plain = make_bill(counts, auto)
    slow = make_bill(counts, replace(auto, known={"sas": MEASURED, "s3": HostFacts()}))
    assert plain["surveys"]["sdss:r"]["ways"] == {"stream": 225}
    assert slow["surveys"]["sdss:r"]["ways"] == {"ranges": 225}
    sas = slow["hosts"]["sas"]
    assert sas["bandwidth_s"] == pytest.approx(sas["bytes"] / 1.1e6, rel=0.01)
    assert slow["hosts"]["s3"]["bandwidth_s"] == plain["hosts"]["s3"]["bandwidth_s"]


def test_host_without_ranges():
    """No ranges are planned at a host that gave none within a day."""
    group = FrameGroup(0, mirrored=False, stamps=1, frames=225, sized=0, size=0)
    counts = replace(COUNTS, to_come=[group])
    for age_s, way in ((3600, "early"), (90_000, "ranges")):
        facts = HostFacts(1e6, ranges=False, ranges_at=time.time() - age_s)
        for ways in ({}, {"sdss": Way.RANGES}):
            allowed = replace(ALLOWED, known={"sas": facts}, ways=ways)
            bill = make_bill(counts, allowed)
            assert bill["surveys"]["sdss:r"]["ways"] == {way: 225}


def test_one_range_at_a_time():
    """At a host that did not send several ranges at a time, other ways are planned."""
    group = FrameGroup(0, mirrored=False, stamps=1, frames=225, sized=0, size=0)
    counts = replace(COUNTS, to_come=[group])
    for several, way in ((True, "stream"), (False, "early")):
        facts = HostFacts(1e8, several=several, several_at=time.time() - 60)
        bill = make_bill(counts, replace(ALLOWED, known={"sas": facts}, ways={}))
        assert bill["surveys"]["sdss:r"]["ways"] == {way: 225}


def test_facts_in_the_ledger(tmp_path):
    """The bill of a run is based on what its ledger has learned of the hosts."""
    run = Places(tmp_path)
    create_ledger(run.ledger, targets=[], rejects=[], surveys=[SDSS], facts={})
    with closing(sqlite3.connect(run.ledger)) as db, db:
        db.execute(
            """
            INSERT INTO host_fact
            VALUES ('sas', 1.1e6, 0.18, 5.0, NULL, 0.0, '', NULL, 0.0)
            """
        )
    bill = read_bill(run, ALLOWED)
    assert bill["hosts"]["sas"]["bandwidth"] == 1.1e6
    assert bill["hosts"]["sas"]["latency_from"] == "measured"

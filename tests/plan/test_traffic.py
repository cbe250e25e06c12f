"""The loads of an archive's services."""

from __future__ import annotations

import pytest

from harvester.archives.kind import Fetch, Way
from harvester.archives.registry import kind_of
from harvester.ledger.view import FrameGroup
from harvester.models import Plane
from harvester.plan.traffic import (
    Load,
    Priced,
    SampleSummary,
    add_loads,
    packed_loads,
    ranged_loads,
)

#: 300 frames with four galaxies each, which are fetched whole.
FRAMES = FrameGroup(0, mirrored=False, stamps=4, frames=300, sized=0, size=0)


def sdss(*groups, unlocated=(0,), fetched=0, fetched_bytes=0, samples=None, **more):
    """Give the loads of SDSS, without samples unless given."""
    return packed_loads(
        kind_of("sdss"),
        groups,
        unlocated=unlocated,
        fetched=fetched,
        fetched_bytes=fetched_bytes,
        samples=samples or SampleSummary(),
        **more,
    )


def test_typical():
    """Without other facts each frame is a request and has the typical length."""
    load = sdss(FRAMES)["sdss-sas"]
    assert load == (300, 300, 300 * 3_600_000, "typical", 0, 0)


def test_by_blocks():
    """By blocks a frame takes several requests and fewer bytes."""
    group = FRAMES._replace(stamps=1)
    early, ranges, stream, whole = (
        sdss(group, way_of=lambda *_, way=way: way)["sdss-sas"]
        for way in (Way.EARLY, Way.RANGES, Way.STREAM, Way.WHOLE)
    )
    # Both ends of a frame come in one reply, if the host sends several ranges.
    assert (early.requests, stream.requests, ranges.requests) == (300, 300, 600)
    assert ranges.bytes < 0.6 * early.bytes
    assert stream.bytes < early.bytes < whole.bytes


def test_variance_by_blocks():
    """By ranges the inverse variance costs no further bytes: the last block is here."""
    planes = (Plane.FLUX, Plane.IVAR)
    load = sdss(FRAMES, planes=planes, way_of=lambda *_: Way.RANGES)["sdss-sas"]
    assert load.for_planes == 0


def test_sampled():
    """Without fetched frames the mean length of the samples is used."""
    group = FRAMES._replace(sized=5, size=20e6)
    load = sdss(group, samples=SampleSummary(5, 0, 4e6))["sdss-sas"]
    assert (load.bytes, load.source) == (300 * 4e6, "sampled")


def test_seen():
    """From twenty fetched frames on their mean length is used."""
    known = {"samples": SampleSummary(5, 0, 4e6), "fetched_bytes": 40e6}
    few, enough = (sdss(FRAMES, fetched=n, **known)["sdss-sas"] for n in (19, 20))
    assert few.source == "sampled"
    assert (enough.bytes, enough.source) == (300 * 2e6, "seen")


def test_missing():
    """A frame known to be missing is still requested, and its galaxies looked up.

    Before the first upload SkyServer is asked for a place that must be in the answer.
    """
    group = FRAMES._replace(sized=1, missing=1)
    loads = sdss(group)
    assert loads["sdss-sas"][:2] == (300, 299)
    assert loads["sdss-sas"].bytes == 299 * 3_600_000
    assert loads["sdss-sky"].requests == 2


@pytest.mark.parametrize(
    ("unlocated", "requests"), [(0, 0), (1, 2), (1000, 3), (4995, 6), (4996, 6)]
)
def test_looking_up(unlocated, requests):
    """Positions are uploaded 999 at a time, or the table of all fields is fetched."""
    assert sdss(unlocated=[unlocated])["sdss-sky"].requests == requests


def test_expected_part():
    """For a frame that is closed early only a part is billed, by its stamps."""
    one = FrameGroup(0, mirrored=False, stamps=1, frames=14, sized=2, size=6e6)
    load = sdss(one, FRAMES, samples=SampleSummary(2, 0, 3e6))["sdss-sas"]
    assert load.bytes == pytest.approx((7 + 0.5) * 3e6 + 300 * 3e6)


def test_whole_for_the_noise():
    """With the plane ivar frames are whole, and the bill tells what that costs."""
    one = FrameGroup(0, mirrored=False, stamps=1, frames=14, sized=0, size=0)
    usual, whole = (
        sdss(one, FRAMES, planes=planes)["sdss-sas"]
        for planes in ((Plane.FLUX, Plane.MASK), (Plane.FLUX, Plane.IVAR))
    )
    assert usual.for_planes == 0
    assert whole.bytes == 314 * 3_600_000
    assert whole.for_planes == pytest.approx(whole.bytes - usual.bytes)


def test_queries_for_the_psf():
    """With the plane psf SkyServer is asked for the fields, 250 in a query."""
    usual, psf = (
        sdss(unlocated=[1000], planes=planes)["sdss-sky"].requests
        for planes in ((Plane.FLUX,), (Plane.FLUX, Plane.PSF))
    )
    assert psf == usual + 4


#: Frames of HST with a copy at the mirror, and some without.
COPIED = Priced(True, 40, requests=200, bytes=80_000_000, whole=480_000_000, guessed=3)
DIRECT = Priced(False, 2, requests=10, bytes=4_000_000, whole=25_000_000, guessed=0)


def hst(*frames, samples=None, is_located=True):
    """Give the loads of HST."""
    return ranged_loads(
        kind_of("hst"),
        frames,
        unlocated=[0 if is_located else 7, 0],
        samples=samples or SampleSummary(),
    )


def test_all_sampled():
    """If the mirror is known to have all frames, all ranges come from it."""
    loads = hst(COPIED, DIRECT, samples=SampleSummary(42, 2))
    assert loads["s3"] == (200, 40, 80_000_000, "footprints", 3, 0)
    assert loads["mast"] == (2, 2, 25_000_000, "footprints", 0, 0)


def test_mirror_may_lack_some():
    """A file that the mirror lacks is a request there, and whole from MAST."""
    samples = SampleSummary(asked=20, missing=4)
    share = 4.5 / 36
    lacking = share * (40 - 16)
    loads = hst(COPIED, samples=samples)
    assert samples.share_missing == share
    assert loads["mast"].files == pytest.approx(lacking)
    assert loads["mast"].bytes == pytest.approx(lacking / 40 * 480e6)
    assert loads["s3"].requests == pytest.approx(lacking + (40 - lacking) * 5)
    assert loads["s3"].bytes == pytest.approx((40 - lacking) * 2e6)
    assert loads["s3"].files + loads["mast"].files == pytest.approx(40)


def test_unlocated():
    """A survey that is not listed yet takes three queries."""
    assert hst(is_located=False)["mast"].requests == 3
    assert hst()["mast"].requests == 0


def test_archive_that_gives_ranges(monkeypatch):
    """If the archive serves ranges, files without a copy cost no more there."""
    monkeypatch.setattr(kind_of("hst"), "archive_gives_ranges", True)
    loads = hst(COPIED, DIRECT, samples=SampleSummary(42, 2))
    assert loads["mast"] == (10, 2, 4_000_000, "footprints", 0, 0)
    samples = SampleSummary(asked=20, missing=4)
    lacking = samples.share_missing * (40 - 16)
    load = hst(COPIED, samples=samples)["mast"]
    assert (load.requests, load.bytes) == pytest.approx((5 * lacking, 2e6 * lacking))


def test_archive_without_mirrors(monkeypatch):
    """An archive without mirrors has no load there."""
    monkeypatch.setattr(kind_of("hst").costs, "mirror_service", "")
    assert list(hst(DIRECT)) == ["mast"]


def test_archive_of_one_service(monkeypatch):
    """If one service answers queries and sends files, their loads are added."""
    monkeypatch.setattr(kind_of("sdss").costs, "query_service", "sdss-sas")
    loads = sdss(FRAMES, unlocated=[1])
    assert loads == {"sdss-sas": (302, 300, 300 * 3_600_000, "typical", 0, 0)}


def test_whole_files(monkeypatch):
    """For files that are fetched whole, all bytes are billed."""
    monkeypatch.setattr(kind_of("sdss"), "fetch", Fetch.WHOLE)
    one = FrameGroup(0, mirrored=False, stamps=1, frames=14, sized=0, size=0)
    assert sdss(one)["sdss-sas"].bytes == 14 * 3_600_000


def test_shared_service():
    """The loads of archives that share a service are added."""
    some = [
        ("mast", Load(5, 2, 100.0, "footprints", 1)),
        ("s3", Load(1, 1, 10.0, "footprints")),
        ("mast", Load(3, 0, 0.0, "listed")),
        ("mast", Load(7, 7, 900.0, "seen", 2)),
    ]
    assert add_loads(some) == {
        "mast": (15, 9, 1000.0, "footprints, seen", 3, 0),
        "s3": (1, 1, 10.0, "footprints", 0, 0),
    }

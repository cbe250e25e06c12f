"""Which way of fetching a compressed frame is expected to be the quickest."""

from __future__ import annotations

import pytest

from harvester.archives.fetch import Way
from harvester.archives.registry import kind_of
from harvester.frames.way_costs import (
    HostLimits,
    Limit,
    PackedFrame,
    cost_of,
    quickest,
)
from harvester.frames.ways import Ways
from harvester.models import DEFAULT_PLANES, HostFacts, Plane, Product
from harvester.transport.host_speed import HostSpeeds

EVERY = (Way.EARLY, Way.STREAM, Way.RANGES)
PRODUCT = Product("sdss", "frame-r-001043-5-0025.fits.bz2", "r", "https://a.example/f")


def frame(galaxies=1, planes=DEFAULT_PLANES, *, several=True):
    """Describe a typical frame."""
    kind = kind_of("sdss")
    return PackedFrame.of(kind, kind.blocks, galaxies, planes, several=several)


@pytest.mark.parametrize(
    ("limits", "several", "way"),
    [
        # A slow line: fewest bytes.
        (HostLimits(10, 2e6, 2), False, Way.RANGES),
        (HostLimits(10, 2e6, 2), True, Way.RANGES),
        # A fast line, one core: least to unpack.
        (HostLimits(10, 1e8, 1), False, Way.STREAM),
        # A fast line and many cores: fewest requests.
        (HostLimits(5, 1e8, 8), False, Way.EARLY),
        # Both ends in one reply: few requests, and little to unpack.
        (HostLimits(10, 1e8, 1), True, Way.STREAM),
        (HostLimits(5, 1e8, 8), True, Way.STREAM),
    ],
)
def test_quickest(limits, several, way):
    """The way is chosen that spares the scarcest resource."""
    assert quickest(EVERY, frame(several=several), limits) is way


@pytest.mark.parametrize("several", [True, False])
def test_costs(several):
    """By ranges half the bytes and half the seconds of an early stop are spent."""
    early, stream, ranges = (cost_of(way, frame(several=several)) for way in EVERY)
    assert ranges.bytes < 0.6 * early.bytes
    # With both ends in one reply it is the nearer one that reaches over the rows.
    assert (stream.bytes < early.bytes) == several
    assert max(ranges.cpu_s, stream.cpu_s) < 0.5 * early.cpu_s


def test_requests():
    """A host that sends several ranges at a time is asked less often."""
    frames = [frame(5, several=several) for several in (True, False)]
    stream = [cost_of(Way.STREAM, one).requests for one in frames]
    ranges = [cost_of(Way.RANGES, one).requests for one in frames]
    assert (stream[1], ranges) == (2, [2, pytest.approx(6.1, abs=0.1)])
    assert cost_of(Way.STREAM, frame()).requests == 1 < stream[0] < 2


@pytest.mark.parametrize("way", list(Way))
def test_many_galaxies(way):
    """However many galaxies there are, no more than the frame is fetched."""
    costs = [cost_of(way, frame(galaxies)) for galaxies in (1, 2, 5, 50, 5000)]
    assert all(0 < cost.bytes <= frame().size for cost in costs)
    assert [cost.cpu_s for cost in costs] == sorted(cost.cpu_s for cost in costs)


def test_rest_is_needed():
    """If the HDUs behind the image are needed, leaving early does not help."""
    planes = (Plane.FLUX, Plane.IVAR)
    assert cost_of(Way.EARLY, frame(planes=planes)).bytes == frame().size


def choose(ways, galaxies=1, planes=DEFAULT_PLANES):
    """Choose a way for a frame."""
    return ways.choose(PRODUCT, galaxies, planes)


def test_learned():
    """The way follows from what is learned of the host, once there is anything."""
    known = HostSpeeds({"fast": HostFacts(), "slow": HostFacts(bandwidth=1e6)})
    limits = {"sdss": HostLimits(10, 1e8, 8)}
    fast = Ways(limits=limits, speed_of=lambda _: known.at("fast"))
    slow = Ways(limits=limits, speed_of=lambda _: known.at("slow"))
    known.at("fast").gives_several = False
    assert (choose(fast), choose(slow)) == (Way.EARLY, Way.RANGES)
    known.at("fast").gives_several = True
    assert choose(fast) is Way.STREAM
    assert known.facts()["slow"].limit == Limit.BANDWIDTH


def test_without_ranges():
    """A host that gives no ranges is not asked for them."""
    ways = Ways({"sdss": Way.RANGES}, {"sdss": HostLimits(10, 1e6, 2)})
    assert choose(ways) is Way.RANGES
    ways.note_no_ranges(PRODUCT)
    assert choose(ways) is Way.EARLY
    assert choose(ways, planes=(Plane.IVAR,)) is Way.WHOLE


def test_early_is_not_enough():
    """If the HDUs behind the image are needed, the frame is fetched whole."""
    assert choose(Ways({"sdss": Way.EARLY}), planes=(Plane.IVAR,)) is Way.WHOLE


def test_doubts():
    """If too many frames are doubtful, blocks are left alone, unless they are set."""
    ways = Ways(limits={"sdss": HostLimits(10, 1e6, 2)})
    forced = Ways({"sdss": Way.RANGES}, {"sdss": HostLimits(10, 1e6, 2)})
    for one in (ways, forced):
        for _ in range(5):
            one.count(PRODUCT, Way.RANGES)
            one.count_doubt(PRODUCT, "runs")
    assert choose(ways) is Way.EARLY
    assert choose(forced) is Way.RANGES

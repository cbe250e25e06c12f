"""Which way of fetching a compressed frame is expected to be the quickest."""

from __future__ import annotations

import pytest

from harvester.archives.fetch import Way
from harvester.archives.registry import kind_of
from harvester.frames.way_costs import (
    FrameCost,
    HostLimits,
    Limit,
    PackedFrame,
    cost_of,
)
from harvester.frames.ways import Ways, way_of
from harvester.models import DEFAULT_PLANES, HostFacts, Plane, Product
from harvester.transport.host_speed import HostSpeeds

EVERY = (Way.EARLY, Way.STREAM, Way.RANGES)
PRODUCT = Product("sdss", "frame-r-001043-5-0025.fits.bz2", "r", "https://a.example/f")


def frame(galaxies=1, planes=DEFAULT_PLANES, *, several=True):
    """Describe a typical frame."""
    kind = kind_of("sdss")
    return PackedFrame.of(kind, kind.blocks, galaxies, planes, several=several)


#: Megabits a second, seconds of latency, cores; the ways of frames with 1, 2 and 5
#: galaxies, without and with the plane ivar. 10 requests a second are allowed, 4 of
#: which may be under way. The host sends one range at a time.
ONE_RANGE = [
    # A slow line: fewest bytes.
    (20, 0.02, 2, "ranges ranges ranges", "ranges ranges ranges"),
    (20, 0.3, 2, "ranges ranges ranges", "ranges ranges ranges"),
    (20, 0.3, 32, "ranges ranges ranges", "ranges ranges ranges"),
    # Fewer requests are worth more bytes. With ivar, half of the frame is not.
    (100, 0.02, 2, "early early stream", "stream stream stream"),
    (100, 0.02, 32, "early early stream", "stream stream stream"),
    # Late answers: a second request, and a new connection, are worth no saving.
    (100, 0.3, 2, "early early whole", "whole whole whole"),
    (100, 1.0, 2, "early early whole", "whole whole whole"),
    # No limit: least to unpack on two cores.
    (1e6, 0.02, 2, "early early stream", "stream stream stream"),
    (1e6, 0.3, 32, "early early whole", "whole whole whole"),
]

#: The same if it sends several ranges at a time: a stream has both ends in one reply.
SEVERAL = [
    (20, 0.02, 2, "ranges ranges ranges", "ranges ranges ranges"),
    (20, 0.3, 32, "ranges ranges ranges", "ranges ranges ranges"),
    (100, 0.02, 2, "stream ranges ranges", "stream ranges ranges"),
    (100, 0.3, 32, "stream ranges ranges", "stream ranges ranges"),
    (1e6, 0.02, 2, "stream stream stream", "stream stream stream"),
    (1e6, 0.3, 32, "stream stream whole", "stream whole whole"),
]


@pytest.mark.parametrize(
    ("several", "mbit", "latency_s", "cores", "usual", "ivar"),
    [(False, *one) for one in ONE_RANGE] + [(True, *one) for one in SEVERAL],
)
def test_quickest(several, mbit, latency_s, cores, usual, ivar):
    """The way is chosen that spares the scarcest resource."""
    limits = HostLimits(10, mbit * 1e6 / 8, cores, latency_s, gives_several=several)
    for planes, ways in ((DEFAULT_PLANES, usual), ((Plane.FLUX, Plane.IVAR), ivar)):
        chosen = [
            way_of(kind_of("sdss"), Way.AUTO, galaxies, planes, limits=limits)
            for galaxies in (1, 2, 5)
        ]
        assert " ".join(chosen) == ways


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({}, Limit.RATE),
        ({"bandwidth": 1e6}, Limit.BANDWIDTH),
        ({"rate": 100, "cores": 1}, Limit.CORES),
        ({"latency_s": 2.0}, Limit.LATENCY),
    ],
)
def test_limit(change, limit):
    """The scarcest resource is named."""
    limits = HostLimits(10, 1e9, 8, 0.1)._replace(**change)
    assert cost_of(Way.RANGES, frame()).limit(limits) is limit


def test_latency_is_hidden():
    """Latency counts by what is under way: requests in flight, and frames in hand."""
    cost = FrameCost(requests=3, bytes=1, cpu_s=0, rounds=2)

    def waits(in_flight, in_hand):
        limits = HostLimits(1, 1, 1, 0.3, in_flight=in_flight, in_hand=in_hand)
        return cost.parts(limits)[Limit.LATENCY]

    assert waits(in_flight=1, in_hand=99) == pytest.approx(0.9)
    assert waits(in_flight=99, in_hand=1) == pytest.approx(0.6)
    assert waits(in_flight=30, in_hand=10) == pytest.approx(0.06)


def test_assumed_until_measured():
    """What was measured replaces what was assumed, each value for itself."""
    limits = HostLimits(10, 1e6, 2, 0.2)
    assert limits.learned(HostFacts()) == limits
    assert limits.learned(HostFacts(bandwidth=5.0)).bandwidth == 5
    assert limits.learned(HostFacts(latency_s=0.0)) == limits._replace(latency_s=0.0)


@pytest.mark.parametrize("several", [True, False])
def test_costs(several):
    """By ranges half the bytes and half the seconds of an early stop are spent."""
    early, stream, ranges = (cost_of(way, frame(several=several)) for way in EVERY)
    assert ranges.bytes < 0.6 * early.bytes
    # With both ends in one reply it is the nearer one that reaches over the rows.
    assert (stream.bytes < early.bytes) == several
    assert max(ranges.cpu_s, stream.cpu_s) < 0.5 * early.cpu_s
    expected = (1, 1, 2) if several else (1, 2, 3)
    assert (early.requests, stream.requests, ranges.requests) == pytest.approx(expected)
    assert (early.rounds, ranges.rounds) == (1, 2)


def of_rows(*rows, planes=DEFAULT_PLANES, several=False):
    """Describe a typical frame of which some rows are wanted."""
    kind = kind_of("sdss")
    return PackedFrame.of(
        kind, kind.blocks, len(rows), planes, rows=rows, several=several
    )


@pytest.mark.parametrize(
    ("rows", "requests", "size"),
    [
        ([(10, 50)], 1, 0.3e6),
        ([(250, 290)], 1, 0.8e6),
        ([(700, 740)], 3, 1.0e6),
        ([(700, 740), (705, 745), (1000, 1040)], 4, 1.3e6),
        ([(1440, 1480)], 2, 0.6e6),
    ],
)
def test_known_rows(rows, requests, size):
    """The blocks of known rows are counted, and no others."""
    cost = cost_of(Way.RANGES, of_rows(*rows))
    assert cost.requests == requests
    assert cost.bytes == pytest.approx(size, rel=0.1)


def test_early_stop_by_rows():
    """An early stop is cheap for the first rows, and costs all for the last ones."""
    first, last = (
        cost_of(Way.EARLY, of_rows(rows)) for rows in [(9, 49), (1400, 1440)]
    )
    assert (first.requests, last.requests) == (1, 1)
    assert 10 * first.bytes < last.bytes <= frame().size
    assert first.cpu_s < 0.2 * last.cpu_s


def test_both_ends_by_rows():
    """Both ends in one reply: the nearer one reaches over the rows, if it can."""
    first, middle, last = (
        cost_of(Way.STREAM, of_rows((row, row + 40), several=True))
        for row in (250, 720, 1300)
    )
    assert max(first.bytes, last.bytes) < 0.7 * middle.bytes < middle.bytes
    assert (first.requests, middle.requests, last.requests) == (1, 1, 1)
    apart = cost_of(Way.STREAM, of_rows((100, 140), (1400, 1440), several=True))
    assert apart.requests == 2
    assert apart.bytes <= frame().size


def test_last_block_anyway():
    """For the inverse variance the last block comes, however early the rows are."""
    cost = cost_of(Way.RANGES, of_rows((9, 49), planes=(Plane.FLUX, Plane.IVAR)))
    assert cost.requests == 2


def test_rows_as_a_mean():
    """Rows that may be anywhere cost about the mean over all places."""
    costs = [
        [cost_of(way, of_rows((row, row + 40))) for row in range(0, 1449, 7)]
        for way in EVERY
    ]
    for way, each in zip(EVERY, costs, strict=True):
        mean = cost_of(way, frame(several=False))
        assert sum(one.bytes for one in each) / len(each) == pytest.approx(
            mean.bytes, rel=0.15
        )
        assert sum(one.cpu_s for one in each) / len(each) == pytest.approx(
            mean.cpu_s, rel=0.25
        )


def test_closed_connections():
    """A reply that is left early waits for two round trips more, to connect again."""
    limits = HostLimits(10, 1e9, 8, latency_s=1.0, in_flight=4, in_hand=100)
    waits = {
        way: cost_of(way, of_rows((700, 740))).parts(limits)[Limit.LATENCY]
        for way in (Way.EARLY, Way.RANGES, Way.WHOLE)
    }
    assert waits == {Way.EARLY: 3 / 4, Way.RANGES: 3 / 4, Way.WHOLE: 1 / 4}


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


def test_way_by_rows():
    """The way follows from the rows, if they are known before."""
    ways = Ways(limits={"sdss": HostLimits(10, 6e6, 1, latency_s=0)})
    found = [
        ways.choose(PRODUCT, 1, DEFAULT_PLANES, rows)
        for rows in ([(9, 49)], [(1100, 1140)])
    ]
    assert found[0] is not found[1]


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

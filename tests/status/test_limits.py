"""What limits a harvest, and when it will be done: computed from given facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harvester.ledger.bands import BandCounts
from harvester.ledger.history import BandMoment, HostMoment
from harvester.status.limits import LimitKind, Speed, find_limits
from harvester.status.pace import Moments, Traffic, find_pace
from harvester.status.running import Life, Running
from harvester.transport.host_state import HostState

NOW = 1_800_000_000.0
HOST = "data.sdss.org"

RUNNING = Running(
    Life.RUNNING,
    pid=1,
    host="cass",
    since=NOW - 3600,
    progress_at=NOW,
    heard_at=NOW,
    told_at=NOW,
    cutting=0,
    processes=2,
    hosts={"sdss": (HOST, "skyserver.sdss.org")},
    is_plan=False,
)

WELL = HostState(
    HOST, rate=10.0, full_rate=10.0, slots={"file": (4, 4, 4)}, waiting=2, heard_at=NOW
)

SLOW = Speed(requests_per_s=2.0, bytes_per_s=3e6, p50_s=1.8)


def _limit(state=WELL, running=RUNNING, speed=SLOW, jobs=(0, 50)):
    """Give the only limit of a harvest of one archive."""
    speeds = {HOST: speed} if speed else {}
    (found,) = find_limits({"sdss": jobs}, running, {HOST: state}, speeds, NOW)
    return found


IDLE = replace(WELL, slots={"file": (0, 4, 4)}, waiting=0)


@pytest.mark.parametrize(
    ("state", "limit", "words"),
    [
        (
            replace(WELL, closed="down: refused", probe_at=NOW + 9),
            LimitKind.OUTAGE,
            "data.sdss.org: down: refused, next probe in 9 s",
        ),
        (
            replace(WELL, refused_since=NOW - 9, refused=9, refusal="403"),
            LimitKind.REFUSAL,
            "(9 answers): 403",
        ),
        (
            replace(WELL, cooling_until=NOW + 40, cooling_why="Retry-After"),
            LimitKind.COOL_DOWN,
            "cooling down for 40 s",
        ),
        (replace(WELL, quiet_until=NOW + 40), LimitKind.QUIET_HOURS, "quiet hours"),
        (
            replace(WELL, no_broker="waits for the broker"),
            LimitKind.BROKER,
            "data.sdss.org: waits for the broker",
        ),
        (replace(WELL, silent_since=NOW - 40), LimitKind.SILENCE, "silent for 40 s"),
        (replace(WELL, rate=2.2), LimitKind.RATE, "2.2 requests/s allowed"),
        (WELL, LimitKind.ANSWERS, "1.8 s each, 4 requests under way"),
        (IDLE, LimitKind.BACKOFF, "another try, later, of 50 jobs"),
    ],
)
def test_hosts(state, limit, words):
    """The state of the host that is asked tells what limits."""
    found = _limit(state)
    assert found.limit is limit
    assert words in found.words


def test_pause_in_an_outage():
    """While a host is down it limits, also between two tries of its frames."""
    found = _limit(replace(IDLE, closed="down: refused", probe_at=NOW + 9))
    assert found.limit is LimitKind.OUTAGE
    cutting = replace(RUNNING, cutting=1)
    assert _limit(replace(IDLE, closed="down"), cutting).limit is LimitKind.CORES


def test_line():
    """Where bodies take longer than answers need to begin, the line limits."""
    found = _limit(speed=replace(SLOW, p50_s=0.2))
    assert (found.limit, found.words) == (
        LimitKind.LINE,
        "the line to data.sdss.org: 3 MB/s, 4 requests under way",
    )


def test_cores():
    """Where more frames wait to be cut than there are processes, the cores limit."""
    assert _limit(running=replace(RUNNING, cutting=2)).limit is LimitKind.ANSWERS
    found = _limit(running=replace(RUNNING, cutting=5))
    assert (found.limit, found.words[:11]) == (LimitKind.CORES, "2 processes")
    assert _limit(IDLE, replace(RUNNING, cutting=1)).limit is LimitKind.CORES


def test_locating():
    """Before the first frame, what is located is told."""
    found = _limit(IDLE, jobs=(30, 20))
    assert (found.limit, found.words) == (
        LimitKind.LOCATING,
        "30 galaxies to be located",
    )


def test_another_host_is_well():
    """One host that is down does not limit while another one of the archive answers."""
    down = replace(WELL, host="skyserver.sdss.org", closed="down", waiting=3)
    hosts = {HOST: WELL, down.host: down}
    (found,) = find_limits({"sdss": (1, 50)}, RUNNING, hosts, {HOST: SLOW}, NOW)
    assert found.limit is LimitKind.ANSWERS


def _pace(band, *, state=WELL, done_before=0, billed=None):
    """Give the pace of a band that has come to ``band`` within ten minutes."""
    was = BandMoment(0, "r", int(NOW) - 600, done_before, 0, 0, 1000 - done_before)
    host = HostMoment(HOST, int(NOW) - 600, 0, 0, 4, 2, 10.0, "open", 0, None, None)
    return find_pace(
        [band],
        RUNNING,
        {HOST: state},
        {HOST: Traffic(600, 6_000_000, billed)},
        Moments([was], [host]),
        NOW,
    )


BAND = BandCounts(0, "sdss", "r", "sdss:r", 100, 300, 0, located=600, pending=0)


def test_end_by_the_frames():
    """Galaxies without an image come quickly, and do not make the end seem nearer."""
    pace = _pace(BAND)
    assert (pace.settled_per_min, pace.done_per_min) == (40, 10)
    assert pace.eta_s == 600 / 10 * 60
    assert pace.bytes_per_s == 10_000
    assert pace.words().startswith("10 stamps/min, 0.01 MB/s; about 1 h to go: ")


def test_end_at_least():
    """Before the first stamp the bill at the full rate tells the least."""
    pace = _pace(replace(BAND, done=0), billed=1_200)
    assert (pace.eta_s, pace.eta_is_least) == (60, True)
    assert pace.eta_words().startswith("at least 60 s to go: the answers of")


def test_end_no_sooner_than_billed():
    """What is billed at the full rate is the least, and a wait is added."""
    late = _pace(BAND, billed=100_600)
    assert (late.eta_s, late.eta_is_least) == (100_000 / 10, False)
    cooling = replace(WELL, cooling_until=NOW + 120)
    assert _pace(BAND, state=cooling).eta_s == 3600 + 120


@pytest.mark.parametrize(
    ("band", "state", "why"),
    [
        (replace(BAND, done=0), WELL, "the answers of data.sdss.org"),
        (replace(BAND, done=0, pending=9), WELL, "9 galaxies to be located"),
        (BAND, replace(WELL, closed="down"), "data.sdss.org: down"),
    ],
)
def test_end_not_known(band, state, why):
    """The end is not known before the first stamp, and while a host is down."""
    pace = _pace(band, state=state)
    assert pace.eta_s is None
    assert pace.eta_words().startswith(f"end not known: {why}")

from __future__ import annotations

import time

import pytest
from page_run import change, write_history

from harvester.status.page.over_time import over_time
from harvester.status.page.shown_run import shown_runs


@pytest.fixture
def places(write_ledger, tmp_path):
    """Return a run that two hours of history are kept of."""
    made = write_ledger(tmp_path / "zoo")
    write_history(made.out)
    return made


def lines(places, span="day"):
    """Return the points of each chart's first line, by title."""
    told = over_time(shown_runs([places])[0], span)
    return {
        one["title"].partition(" ")[0]: one["lines"][0]["points"]
        for one in told["charts"]
    }


def test_speeds(places):
    """Speeds are differences of the sums that the ledger keeps."""
    found = lines(places)
    assert {value for _, value in found["Galaxies"]} == {3.0}
    assert {value for _, value in found["Bytes"]} == {10_000.0}
    assert {value for _, value in found["Requests"]} == {12.0}
    assert {value for _, value in found["Latency:"]} == {0.5}


def test_span(places):
    """Only the wanted time is shown."""
    first, *_ = lines(places, "hour")["Requests"]
    assert first[0] > time.time() - 3_600
    assert len(lines(places, "all")["Requests"]) == 119


def test_bounded(write_ledger, tmp_path):
    """A long history has a bounded number of points, and the same mean speed."""
    places = write_ledger(tmp_path / "long")
    write_history(places.out, minutes=20_000)
    points = lines(places, "all")["Requests"]
    assert 100 < len(points) <= 260
    assert {value for _, value in points} == {12.0}


def test_break(places):
    """A break has speed 0, and so has a retry, after which more is left."""
    now = int(time.time())
    rows = [(now + 600, 357), (now + 660, 100)]
    change(places.out, "INSERT INTO band_history VALUES (0, 'r', ?, ?, 0, 0, 0)", rows)
    assert [value for _, value in lines(places)["Galaxies"]][-2:] == [0.0, 0.0]


def test_no_history(write_ledger, tmp_path):
    """A run without history has no charts."""
    assert over_time(shown_runs([write_ledger(tmp_path / "new")])[0], "day") == {
        "charts": []
    }


async def test_unknown_span(page_of, ask, places):
    """An unknown span is refused with those that there are."""
    reply, body = await ask(await page_of(places), "api/0/charts?span=year")
    assert (reply.status, b"week" in body) == (400, True)


async def test_settings(page_of, ask, places):
    """The settings are shown without the address of the user."""
    text = 'surveys = ["sdss:r"]\n[politeness]\ncontact = "me@example.org"\n'
    places.settings.write_text(text)
    _, body = await ask(await page_of(places), "api/0/about")
    assert b"sdss:r" in body
    assert b"example.org" not in body

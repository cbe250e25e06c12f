"""Several harvests at once on one machine keep the limits together."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from one_limit import RATES, SURVEY, archives, done, flags
from service import harvester, kill_group, start, wait_for

pytestmark = pytest.mark.harvest


@pytest.mark.long
def test_two_at_once(tmp_path):
    """Two harvests at once keep rate and concurrency of one, and both finish."""
    with archives(tmp_path, 8) as (running, listed), ExitStack() as stack:
        harvests = [
            start("run", listed, "--out", out, *SURVEY, *flags(running), **RATES)
            for out in (tmp_path / "a", tmp_path / "b")
        ]
        for process in harvests:
            stack.callback(kill_group, process)
        words = [process.communicate(timeout=240)[0] for process in harvests]
        stats = running.stats.as_json()
    assert [process.returncode for process in harvests] == [0, 0], words
    assert [done(tmp_path / name) for name in "ab"] == [8, 8]
    for service in ("sdss-sky", "sdss-sas"):
        assert stats[service]["rate_violations"] == 0
        assert stats[service]["peak_concurrency"] == 1
    assert stats["sdss-sas"]["requests"] >= 4


@pytest.mark.long
def test_one_is_killed(tmp_path):
    """Of three harvests one is killed: the others and its resume finish."""
    with archives(tmp_path, 24) as (running, listed), ExitStack() as stack:
        outs = [tmp_path / name for name in "abc"]
        harvests = [
            start("run", listed, "--out", out, *SURVEY, *flags(running), **RATES)
            for out in outs
        ]
        for process in harvests:
            stack.callback(kill_group, process)
        wait_for(lambda: min(map(done, outs)) > 0, harvests[2], seconds=240)
        kill_group(harvests.pop())
        killed = done(outs[2])
        words = [process.communicate(timeout=240)[0] for process in harvests]
        resumed = harvester("resume", outs[2], *flags(running), **RATES)
        stats = running.stats.as_json()
    assert 0 < killed < 24
    assert [process.returncode for process in harvests] == [0, 0], words
    assert resumed.returncode == 0, resumed.stderr
    assert [done(out) for out in outs] == [24, 24, 24]
    assert stats["sdss-sky"]["rate_violations"] == 0
    assert stats["sdss-sas"]["rate_violations"] == 0

"""Harvests that ask a broker keep one limit together, whatever is killed."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack

import pytest
from one_limit import RATES, SURVEY, archives, done, flags
from service import harvester, kill_group, start, wait_for

pytestmark = [pytest.mark.harvest, pytest.mark.machines]

#: A client that is not heard for so many seconds has lost its places.
_LEASE_S = 6

_SERVICES = ("sdss-sky", "sdss-sas")


def start_broker(stack, folder, port=0):
    """Start a broker; give its process and its address file once it listens."""
    file = folder / "broker.json"
    file.unlink(missing_ok=True)
    process = start(
        *("broker", "--listen", f"127.0.0.1:{port}", "--address-file", file),
        *("--state-dir", folder / "state", "--lease", _LEASE_S),
    )
    stack.callback(kill_group, process)
    wait_for(file.exists, process)
    return process, file


def start_harvests(stack, folder, names, listed, broker, running):
    """Start harvests that ask a broker; give their processes and folders."""
    outs = [folder / name for name in names]
    harvests = [
        start(
            *("run", listed, "--out", out, "--broker", broker),
            *(*SURVEY, *flags(running)),
            **RATES,
        )
        for out in outs
    ]
    for process in harvests:
        stack.callback(kill_group, process)
    return harvests, outs


def state_words(out):
    """Give what the hosts of a harvest wait for, as ``status`` tells it."""
    return harvester("status", out).stdout


def test_client_is_killed(tmp_path):
    """Of three harvests one is killed: its share comes back, and all finish."""
    with archives(tmp_path, 24) as (running, listed), ExitStack() as stack:
        broker, file = start_broker(stack, tmp_path)
        harvests, outs = start_harvests(stack, tmp_path, "abc", listed, file, running)
        wait_for(lambda: min(map(done, outs)) > 0, harvests[2], seconds=240)
        kill_group(harvests.pop())
        words = [process.communicate(timeout=240)[0] for process in harvests]
        resumed = harvester("resume", outs[2], *flags(running), **RATES)
        stats = running.stats.as_json()
        shown = json.loads(harvester("broker", "--show", file, "--json").stdout)
        broker.send_signal(signal.SIGTERM)
        log, _ = broker.communicate(timeout=60)
    assert [process.returncode for process in harvests] == [0, 0], words
    assert resumed.returncode == 0, resumed.stderr
    assert [done(out) for out in outs] == [24, 24, 24]
    assert stats["sdss-sky"]["rate_violations"] == 0
    assert stats["sdss-sas"]["rate_violations"] == 0
    assert [one for one in shown["hosts"] if any(one["under_way"].values())] == []
    assert broker.returncode == 0
    assert log.count("its places are free") >= 3
    assert log.count("its places come back in") == 1


def test_broker_is_killed(tmp_path):
    """Without the broker nothing is sent; when it is back, the harvests finish."""
    with archives(tmp_path, 24) as (running, listed), ExitStack() as stack:
        broker, file = start_broker(stack, tmp_path)
        port = json.loads(file.read_text())["port"]
        harvests, outs = start_harvests(stack, tmp_path, "ab", listed, file, running)
        wait_for(lambda: min(map(done, outs)) > 0, harvests[0], seconds=240)
        kill_group(broker)
        # Requests that were under way end with their leases at the latest.
        time.sleep(_LEASE_S)
        before = [running.stats.as_json()[name]["requests"] for name in _SERVICES]
        time.sleep(5)
        after = [running.stats.as_json()[name]["requests"] for name in _SERVICES]
        states = [state_words(out) for out in outs]
        assert min(map(done, outs)) < 24
        start_broker(stack, tmp_path, port)
        words = [process.communicate(timeout=240)[0] for process in harvests]
        stats = running.stats.as_json()
    assert before == after
    assert all("no request is sent without its leave" in one for one in states)
    assert [process.returncode for process in harvests] == [0, 0], words
    assert all("waits for the broker at" in one for one in words)
    assert [done(out) for out in outs] == [24, 24]
    assert [stats[name]["rate_violations"] for name in _SERVICES] == [0, 0]


def test_no_broker_at_all(tmp_path):
    """Without any broker a harvest waits, says so, and ends as after an outage."""
    with archives(tmp_path, 4) as (running, listed):
        missing = tmp_path / "broker.json"
        given = ("--out", tmp_path / "a", "--broker", missing, *SURVEY, *flags(running))
        patience = {"HARVESTER__POLITENESS__PATIENCE_S": "3"}
        ended = harvester("run", listed, *given, **RATES, **patience)
        with ExitStack() as stack:
            start_broker(stack, tmp_path)
            resumed = harvester("resume", tmp_path / "a", **RATES)
        asked = [running.stats.as_json()[name]["requests"] for name in _SERVICES]
    assert ended.returncode == 5, ended.stderr
    assert f"waits for the broker at {missing}" in ended.stdout
    assert resumed.returncode == 0, resumed.stderr
    assert min(asked) > 0

"""The metrics of a run as text: values, names, labels, and what promtool says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict

import pytest
from metric_names import (
    names_in,
    names_of,
    panel_expressions,
    rule_expressions,
    series,
)

from harvester.places import Places
from harvester.status.health import STALLED_S, read_health
from harvester.status.metrics.described import COUNTERS, GAUGES
from harvester.status.metrics.exposition import metrics_of
from harvester.status.metrics.run_reading import read_run
from harvester.status.metrics.samples import host_values
from harvester.status.report import read_report
from harvester.transport.host_state import HostState

HOST = "data.sdss.org"
NOON = 1_800_000_000.0


def text_of(*runs, **options):
    """Give the metrics of some readings as text."""
    return metrics_of(runs, **options).decode()


def value(text, name, **labels):
    """Give the value of one series of the run `zoo`."""
    return series(text)[name, frozenset({"run": "zoo", **labels}.items())]


async def test_all_that_is_described(at_work):
    """Of a run at work every metric that is described has a value."""
    described = set(GAUGES) | set(COUNTERS)
    assert names_of(text_of(at_work)) == described


async def test_several_files(at_work):
    """All series name their run, so that node-exporter can read several files."""
    assert all("run" in dict(labels) for _, labels in series(text_of(at_work)))


async def test_promtool(at_work, promtool):
    """Prometheus' own check finds nothing wrong with names, kinds and units."""
    done = promtool("check", "metrics", text=text_of(at_work, with_process=True))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


async def test_dashboard_and_alerts_have_their_metrics(at_work):
    """Every metric that the dashboard and the alerts name is in the output."""
    wanted = names_in([*panel_expressions(), *rule_expressions().values()])
    assert len(wanted) > 20
    assert wanted <= names_of(text_of(at_work, with_process=True))


async def test_same_facts_as_status(at_work, places, clock):
    """The numbers are those of `harvester status`."""
    text, report = text_of(at_work), read_report(places, clock.now)
    for band in report["bands"]:
        for state in ("done", "no_coverage", "failed", "located", "pending"):
            labels = {"survey": "sdss", "band": band["band"], "state": state}
            assert value(text, "harvester_targets", **labels) == band[state]
    failed = {"archive": "sdss", "reason": "not_found"}
    assert value(text, "harvester_failed_jobs", **failed) == 7
    assert value(text, "harvester_requests_total", host=HOST) == 30
    assert value(text, "harvester_billed_bytes", host=HOST) == 9_000
    assert value(text, "harvester_eta_seconds") == report["pace"]["eta_s"] > 0
    assert value(text, "harvester_report_timestamp_seconds") == clock.now
    assert value(text, "harvester_run_state", state="running") == 1
    assert value(text, "harvester_host_state", host=HOST, state="open") == 1
    assert value(text, "harvester_host_latency_seconds", host=HOST) == 0.25


async def test_same_verdict_as_health(at_work, places, clock):
    """A harvest that has told nothing for long is as unhealthy as the command says."""
    verdicts = []
    for later_s in (0, 60, 1000):
        now = clock.now + later_s
        run = read_run("zoo", places, now)
        assert run.health == read_health(places, STALLED_S, now)
        verdicts.append((value(text_of(run), "harvester_healthy"), run.state))
    assert verdicts == [(1, "running"), (1, "running"), (0, "hung")]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"closed": "down: 5 failures in a row (html)"}, "down"),
        ({"refused_since": 1.0, "refused": 9, "refusal": "403"}, "refusing"),
        ({"closed": "after a cool-down", "cooling_until": 2e9}, "cooling"),
        ({"quiet_until": 2e9, "cooling_until": 2e9}, "quiet"),
        ({"slowed_by": "http_429"}, "slowed"),
    ],
)
def test_host_states(facts, state):
    """A host is in one state at a time."""
    host = HostState(HOST, 10.0, 10.0, {"file": (0, 4, 4)}, 0, **facts)
    told = {**asdict(host), "kind": host.kind}
    states = {
        one.labels[1]: one.value
        for one in host_values(HOST, told, NOON)
        if one.name == "harvester_host_state"
    }
    assert [each for each, is_so in states.items() if is_so] == [state]


async def test_states_of_runs(places, tmp_path):
    """A run that is stopped, one that is prepared, and none are told apart."""
    (tmp_path / "new").mkdir()
    new = Places(tmp_path / "new")
    new.settings.touch()
    runs = [
        read_run("zoo", places, NOON),
        read_run("new", new, NOON),
        read_run("none", Places(tmp_path / "none"), NOON),
    ]
    values = series(text_of(*runs))
    states = {
        dict(labels)["run"]: dict(labels)["state"]
        for (name, labels), is_so in values.items()
        if name == "harvester_run_state" and is_so
    }
    assert states == {"zoo": "stopped", "new": "preparing", "none": "unreadable"}


def test_damaged_ledger(places):
    """A ledger that is damaged is told as such, and hides no other run."""
    places.ledger.write_bytes(b"no ledger" * 1000)
    text = text_of(read_run("zoo", places, NOON))
    assert value(text, "harvester_ledger_readable") == 0
    assert value(text, "harvester_run_state", state="unreadable") == 1
    assert value(text, "harvester_disk_free_bytes") > 0


def test_bounded_reasons(places):
    """However many reasons there are, there are few series, and no job is lost."""
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("UPDATE job SET state = 'failed', reason = 'odd ' || target")
    text = text_of(read_run("zoo", places, NOON))
    jobs = {
        dict(labels)["reason"]: count
        for (name, labels), count in series(text).items()
        if name == "harvester_failed_jobs"
    }
    assert (len(jobs), sum(jobs.values())) == (31, 100)
    assert jobs["other"] == 70


def test_odd_names(places, promtool):
    """Names with quotes, backslashes and newlines are escaped."""
    name = 'a "b" \\ c\nd'
    text = text_of(read_run(name, places, NOON))
    assert {dict(labels).get("run") for _, labels in series(text)} >= {name}
    assert promtool("check", "metrics", text=text).returncode == 0

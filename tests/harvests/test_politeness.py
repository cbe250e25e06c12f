"""What archives with trouble see of a harvest, and what the harvest reports."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from service import (
    harvester,
    kill_group,
    sandbox,
    start,
    wait_for,
)

from harvester.places import Places
from harvester.sandbox.server import SandboxOptions, run_in_thread
from harvester.sandbox.stats import RateLimit
from harvester.status.report import read_report

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: A single try: a galaxy that loses one fails.
_NOTHING_TO_SPEND = {"HARVESTER__POLITENESS__ATTEMPTS": "1"}

_CANARY = "CANARY0123456789"


def status(out):
    """Give what another process sees."""
    return read_report(Places(out))


def _flags(urls):
    return [f"--base-url={name}={url}" for name, url in urls.items()]


def test_storm_of_429(tmp_path):
    """After a 429 no request comes too early, and no galaxy loses a try.

    The bucket is a mirror: while it wants to be left alone, files come from MAST.
    Both forms of Retry-After; one request a second, of which the sandbox forgives a
    quarter of a second, for it runs on a busy machine.
    """
    storm = [
        f"status=429@{service}:retry_after={wait}:times={times}"
        for service in ("sdss-sas", "s3")
        for wait, times in (("1", 3), ("date2", 2))
    ]
    options = SandboxOptions(
        seed=3,
        targets=20,
        catalogue=tmp_path / "catalogue.fits",
        faults=tuple(storm),
        rates={name: RateLimit(60, 0.75) for name in ("sdss-sas", "s3")},
    )
    rates = {f"HARVESTER__SERVICES__{n}__RATE": "1" for n in ("SDSS_SAS", "S3")}
    out = tmp_path / "out"
    with run_in_thread(options) as running:
        done = harvester(
            *("run", options.catalogue, "--out", out, *_flags(running.urls)),
            **rates,
            **_NOTHING_TO_SPEND,
            HARVESTER__POLITENESS__TRIES="1",
        )
        stats = running.stats.as_json()
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(out)["surveys"]["sdss"]["done"] == 20
    for service, least in (("sdss-sas", 5), ("s3", 1)):
        assert least <= stats[service]["by_status"]["429"] <= 5
        assert stats[service]["cooldown_violations"] == 0
        assert stats[service]["rate_violations"] == 0


def _host(out, name):
    """Give the state of a host, as another process sees it; empty if unknown."""
    return status(out)["hosts"].get(name, {"words": "", "closed": ""})


def test_down_for_the_whole_run(tmp_path):
    """An outage costs no try; when it ends, the jobs are done without a restart."""
    options = ("--seed", "3", "--targets", "80")
    with sandbox(tmp_path, *options, "--fault", "down@sdss-sas") as here:
        out = tmp_path / "out"
        process = start(
            *("run", here.catalogue, "--out", out, *here.flags()), **_NOTHING_TO_SPEND
        )
        try:
            wait_for((out / "ledger.sqlite").exists, process)
            wait_for(lambda: _is_settled(out, "hst"), process)
            host = here.host("sdss-sas")
            wait_for(lambda: _host(out, host)["closed"], process)
            report = status(out)
            assert report["surveys"]["sdss"]["located"] == 80
            assert report["surveys"]["sdss"]["failed"] == 0
            assert "failures in a row (reset)" in report["hosts"][host]["words"]
            assert _attempts(out) == 0
            said = harvester("status", out).stdout
            assert f"{host} now: down: " in said
            here.ask("/_faults", [])
            words, _ = process.communicate(timeout=300)
        finally:
            kill_group(process)
        assert process.returncode == 0, words
        assert f"{host}: down: " in words
        report = status(out)
        assert report["surveys"]["sdss"]["done"] == 80
        assert report["hosts"] == {}


def _is_settled(out, archive):
    counts = status(out)["surveys"][archive]
    return counts["pending"] == counts["located"] == 0


def _attempts(out):
    with closing(sqlite3.connect(out / "ledger.sqlite")) as db:
        return db.execute("SELECT sum(attempts) FROM job").fetchone()[0]


def test_quiet_hours(archives, tmp_path):
    """In quiet hours no request is sent; status and the harvest say until when."""
    now = datetime.now(UTC)
    begin, end = (now + timedelta(hours=hours) for hours in (-2, 3))
    quiet = {"HARVESTER__POLITENESS__QUIET": f"{begin:%H:%M}-{end:%H:%M} UTC"}
    out = tmp_path / "out"
    before = archives.stats()
    process = start("run", archives.catalogue, "--out", out, *archives.flags(), **quiet)
    host = archives.host("mast")
    try:
        wait_for((out / "ledger.sqlite").exists, process)
        wait_for(lambda: _host(out, host)["words"], process)
        now = status(out)["hosts"][host]
        assert now["words"].startswith("quiet hours until ")
        assert now["quiet_until"] == end.replace(second=0, microsecond=0).timestamp()
        wait_for(lambda: _host(out, host)["waiting"], process)
        process.send_signal(signal.SIGTERM)
        words, _ = process.communicate(timeout=60)
    finally:
        kill_group(process)
    assert process.returncode == 143
    assert f"{host}: quiet hours until " in words
    assert archives.stats() == before
    assert sum(status(out)["requests"].values()) == 0


def test_contact(archives, tmp_path):
    """A run without a contact prints a warning once; a sandbox run needs no contact."""
    words = ("run", archives.catalogue, "--locate-only", "--survey", "sdss:r")
    some = [flag for flag in archives.flags() if "=s3=" not in flag]
    told = harvester(*words, "--out", tmp_path / "a", *some)
    assert told.stdout.count("No contact is set") == 1
    named = harvester(*words, "--out", tmp_path / "b", *some, "--contact=me@a.org")
    rehearsed = harvester(*words, "--out", tmp_path / "c", *archives.flags())
    for done in (told, named, rehearsed):
        assert done.returncode == 0, done.stderr
    assert "No contact" not in named.stdout + rehearsed.stdout


@pytest.mark.parametrize("fault", [[], ["status=500@mast:p=0.3"], ["status=401@mast"]])
def test_token_is_nowhere(archives, tmp_path, fault):
    """With a token, no file or output of a harvest contains it."""
    out = tmp_path / "out"
    secret = {"MAST_API_TOKEN": _CANARY, "HARVESTER__HST__TOKEN_ELSEWHERE": "true"}
    archives.ask("/_faults", fault)
    try:
        done = harvester(
            *("run", archives.catalogue, "--out", out, *archives.flags()),
            *(["--locate-only"] if fault else []),
            **secret,
        )
    finally:
        archives.ask("/_faults", [])
    # Only the user can replace a token that MAST refuses, so there are no retries.
    assert done.returncode == (2 if "401" in str(fault) else 0), done.stderr
    assert ("MAST_API_TOKEN" in done.stderr) == ("401" in str(fault))
    said = [done.stdout, done.stderr, json.dumps(status(out))]
    assert not [text for text in said if _CANARY in text]
    left = [path for path in out.rglob("*") if path.is_file()]
    assert out / "ledger.sqlite" in left
    assert not [path for path in left if _CANARY.encode() in path.read_bytes()]


def test_token_stays_at_home(archives, tmp_path):
    """A token is not sent to another host without the setting, and a note says so."""
    done = harvester(
        *("run", archives.catalogue, "--out", tmp_path / "out", *archives.flags()),
        *("--locate-only",),
        MAST_API_TOKEN=_CANARY,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("MAST_API_TOKEN is not sent to http://127.0.0.1") == 1


def test_token_in_the_clear(archives, tmp_path):
    """A token is never sent to another machine without TLS, with any settings."""
    secret = {"MAST_API_TOKEN": _CANARY, "HARVESTER__HST__TOKEN_ELSEWHERE": "true"}
    done = harvester(
        *("run", archives.catalogue, "--out", tmp_path / "out"),
        "--base-url=mast=http://192.0.2.1",
        **secret,
    )
    assert done.returncode == 2
    assert "no TLS" in done.stderr
    assert _CANARY not in done.stdout + done.stderr

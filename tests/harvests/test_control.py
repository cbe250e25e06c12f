"""A whole harvest that is paused, killed, slowed down, and told to retry."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from hurried import Run
from service import kill_group, sandbox, start, wait_for

from harvester.cli import main
from harvester.places import Places
from harvester.run.control import server
from harvester.status.control.client import ask_harvest
from harvester.status.control.verbs import Verb
from harvester.status.report import read_report

pytestmark = pytest.mark.harvest

SKY = ("--seed=5", "--targets=30", "--per-field=1.1", "--no-hst-images")

#: About every fifth frame is missing until the faults are switched off.
FAULT = r"notfound@sdss-sas/frame-r-\d+-\d-\d+[05]\.fits"

#: So slow that the harvest is at work until the test is through with it.
SLOW = {"HARVESTER__SERVICES__SDSS_SAS__RATE": "0.5"}


def call(*words):
    """Run a command in this process; give its exit code and output."""
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def ctl(out, *words):
    """Give a command to the harvest; give the exit code, and its JSON or words."""
    code, said = call("ctl", out, *words, "--json")
    return code, said if code else json.loads(said)


def status(out):
    """Give the report of a run."""
    return read_report(Places(out))


def _takes_commands(out):
    if not (out / "ledger.sqlite").exists():
        return False
    running = status(out)["running"]
    return bool(running and running["life"] == "running" and running["control"])


def _done(out):
    (band,) = status(out)["bands"]
    return band["done"]


def _failed(out):
    with closing(sqlite3.connect(out / "ledger.sqlite")) as db:
        rows = db.execute("SELECT target FROM job WHERE state = 'failed'")
        return {target for (target,) in rows}


def _asked(archives):
    return sum(one["requests"] for one in archives.stats().values())


def _check_pause(out, archives, process):
    """Pause; from then on no request comes, however long one looks."""
    code, answer = ctl(out, "pause")
    assert (code, "no new request is sent" in answer["words"]) == (0, True)
    wait_for(lambda: ctl(out, "status")[1]["in_flight"] == 0, process)
    before = _asked(archives)
    _, said = call("status", out)
    assert "paused by" in said
    assert f"`harvester ctl {out} resume` goes on" in said
    code, said = call("health", out, "--stalled-after", "0.0001")
    assert (code, "paused by" in said) == (0, True)
    assert status(out)["pace"]["eta_s"] is None
    assert _asked(archives) == before


@pytest.mark.long
async def test_pause_within_a_harvest(archives, tmp_path, monkeypatch):
    """A harvest that is paused in its middle sends nothing, and then goes on."""
    monkeypatch.setattr(server, "_LATER_S", 0.0)
    surveys = ("sdss:r", "hst:WFC3/IR:F160W")
    run = Run(archives, tmp_path / "out", *surveys, manners={"rate": 4})
    run.begin()
    first = _asked(archives)
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        working = group.create_task(run.work())
        while await asyncio.to_thread(_asked, archives) < first + 4:
            await asyncio.sleep(0.02)
        answer = await ask_harvest(run.places, Verb.PAUSE)
        while answer["in_flight"]:
            answer = await ask_harvest(run.places, Verb.STATUS)
        before = await asyncio.to_thread(_asked, archives)
        for _ in range(20):
            assert (await ask_harvest(run.places, Verb.STATUS))["in_flight"] == 0
        assert await asyncio.to_thread(_asked, archives) == before
        assert not working.done()
        await ask_harvest(run.places, Verb.RESUME)
    assert {state for _, _, state in run.states()} <= {"done", "no_coverage"}
    assert await asyncio.to_thread(_asked, archives) > before


# Some two harvests, and processes that are started anew.
@pytest.mark.long
def test_commands(tmp_path):
    """Pause, kill, resume, rate and retry: nothing is lost, and all is harvested."""
    out, log = tmp_path / "out", tmp_path / "harvest.log"
    with sandbox(tmp_path, *SKY, "--fault", FAULT) as archives:
        words = ("run", archives.catalogue, "--out", out, "--survey", "sdss:r")
        process = start(*words, *archives.flags(), **SLOW)
        try:
            wait_for(lambda: _takes_commands(out) and _asked(archives) > 3, process)
            _check_pause(out, archives, process)
        finally:
            kill_group(process)
        assert (out / "control" / "ctl.sock").is_socket()
        code, said = ctl(out, "resume")
        assert (code, f"harvester resume {out}" in said) == (5, True)
        log_words = ("--log-format=json", f"--log-file={log}")
        process = start("resume", out, *log_words, **SLOW)
        try:
            failed = _after_the_kill(out, archives, process)
        finally:
            kill_group(process)
    # A frame that was missing before may have been in doubt until after the retry.
    assert process.returncode in {0, 3}
    assert _done(out) + len(_failed(out)) == 30
    assert failed
    assert not failed & _failed(out)
    _check_log(log)


def _after_the_kill(out, archives, process):
    # The pause has ended with the harvest.
    wait_for(lambda: _takes_commands(out), process)
    assert status(out)["running"]["paused"] is None
    host = archives.host("sdss-sas")
    assert ctl(out, "rate", host, "10.5")[0] == 2
    assert ctl(out, "rate", f"{host}s", "1")[0] == 2
    assert ctl(out, "rate", host, "0.4")[1]["rates"][host]["allowed"] == 0.4
    wait_for(lambda: status(out)["hosts"][host]["rate"] == 0.4, process)
    assert "rate set to 0.4 requests/s (settings: 0.5)" in call("status", out)[1]
    wait_for(lambda: status(out)["failures"], process)
    assert ctl(out, "pause")[0] == 0
    wait_for(lambda: ctl(out, "status")[1]["in_flight"] == 0, process)
    archives.ask("/_faults", [])
    done = _done(out)
    assert ctl(out, "resume")[0] == 0
    wait_for(lambda: _done(out) > done, process)
    failed = _failed(out)
    code, answer = ctl(out, "retry", "--reason", "not_found")
    assert (code, int(answer["words"].split()[0]) > 0) == (0, True)
    # As many as the archive allows, and more than the settings.
    assert ctl(out, "rate", host, "10")[0] == 0
    process.communicate(timeout=300)
    return failed


def _check_log(log):
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    commands = [one for one in lines if one["event"] == "control"]
    assert [(one["verb"], one["refused"]) for one in commands] == [
        ("rate", True),
        ("rate", True),
        ("rate", False),
        ("pause", False),
        ("resume", False),
        ("retry", False),
        ("rate", False),
    ]
    assert all(one["time"] and "uid" in one for one in commands)

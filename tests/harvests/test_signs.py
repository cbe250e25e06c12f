"""What the status, the health check and the log of a whole harvest say."""

from __future__ import annotations

import json

import pytest
from service import harvester, kill_group, sandbox, start, status, wait_for

from harvester.places import Places
from harvester.status.history import read_history

pytestmark = pytest.mark.harvest

SKY = ("--seed", "5", "--targets", "24", "--no-hst-images")


def _asked(archives):
    """Tell whether a frame has been asked for, which never comes."""
    return archives.stats()["sdss-sas"]["requests"] > 0


def _signed_in(out):
    """Tell whether a harvest has said in the ledger that it works on a run."""
    return (out / "ledger.sqlite").exists() and status(out)["running"] is not None


@pytest.mark.long
def test_hanging_archive_and_a_kill(tmp_path):
    """A harvest tells of itself while an archive hangs, and its death is noticed."""
    out = tmp_path / "out"
    with sandbox(tmp_path, *SKY, "--fault", "hang@sdss-sas") as archives:
        words = ("run", archives.catalogue, "--out", out, "--survey", "sdss:g,r")
        process = start(*words, *archives.flags())
        try:
            wait_for(lambda: _signed_in(out) and _asked(archives), process)
            said = harvester("status", out).stdout
            running = status(out)["running"]
            assert (running["pid"], running["life"]) == (process.pid, "running")
            assert f"process {process.pid}" in said
            assert "harvester resume" not in said
            assert harvester("health", out).returncode == 0
            silent = harvester("health", out, "--stalled-after", "0.0001")
            assert silent.returncode == 5
            assert "nothing has moved for" in silent.stdout
        finally:
            kill_group(process)
        dead = harvester("health", out)
        assert dead.returncode == 5
        assert f"process {process.pid}" in dead.stdout
        assert "ended without notice" in dead.stdout
        assert "Run `harvester resume" in harvester("status", out).stdout
        archives.ask("/_faults", [])
        log = tmp_path / "harvest.log"
        done = harvester("resume", out, "--log-format=json", f"--log-file={log}", "-vv")
    assert done.returncode == 0, done.stdout + done.stderr
    _check_the_end(out, log)


def _check_the_end(out, log):
    assert harvester("health", out).stdout == "nothing is left to do\n"
    report = status(out)
    assert (report["running"], report["pace"]) == (None, None)
    assert [one["name"] for one in report["bands"]] == ["sdss:g", "sdss:r"]
    assert [one["done"] for one in report["bands"]] == [24, 24]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    moved = [one for one in lines if one["event"] == "jobs_moved"]
    assert sum(one["jobs"] for one in moved if one["state"] == "done") == 24
    # The chart has both harvests: the one that was killed has moved nothing.
    done = read_history(Places(out))["bands"]["sdss:g"]["done"]
    assert (done[0], done[1], done[-1]) == (0, 0, 24)


def test_watch_in_a_pipe(tmp_path):
    """`status --watch` prints a line each time, and ends with the harvest."""
    out = tmp_path / "out"
    with sandbox(tmp_path, *SKY, "--fault", "slow=1@sdss-sas") as archives:
        words = ("run", archives.catalogue, "--out", out, "--survey", "sdss:r")
        process = start(*words, *archives.flags())
        wait_for(lambda: _signed_in(out), process)
        watch = harvester("status", out, "--watch", "--every", "1")
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    *_, last = watch.stdout.splitlines()
    assert "24 of 24 settled (100.0%); " in last
    assert watch.returncode == 0

"""A run that is watched: it takes new rows and files, and costs nothing when idle."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import psutil
import pytest
from service import galaxies, harvester, kill_group, start, wait_for

from harvester.places import Places
from harvester.status.report import read_report, unsettled

pytestmark = [
    pytest.mark.harvest,
    # Several harvests one after the other in one process, and their waits.
    pytest.mark.long,
]

#: Intervals of seconds in place of hours.
QUICK = {
    "HARVESTER__WATCH__LOOK_S": "0.2",
    "HARVESTER__WATCH__STILL_S": "0.6",
    "HARVESTER__WATCH__RETRY_S": "1",
}


class Watched:
    """A harvest that stays, its catalogue and its folder."""

    def __init__(self, archives, folder):
        self.rows = galaxies(archives)
        self.out, self.inbox = folder / "out", folder / "inbox"
        self.catalogue, self.log = folder / "few.csv", folder / "log.jsonl"
        self.inbox.mkdir()
        self.rows[:10].write(self.catalogue)
        self._words = (
            *("run", self.catalogue, "--out", self.out, "--survey", "sdss:r"),
            *("--watch", "--watch-folder", self.inbox, *archives.flags()),
            *("--log-format", "json", "--log-file", self.log),
        )
        self.process = start(*self._words, **QUICK)

    def restart(self):
        """Go on with it."""
        words = ("resume", self.out, "--watch", "--log-format", "json")
        self.process = start(*words, "--log-file", self.log, **QUICK)

    def events(self, name):
        """Give the events of the log with a name."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [one for one in map(json.loads, lines) if one["event"] == name]

    def wait_for_targets(self, count):
        """Wait until the run has so many galaxies, all settled, and is idle."""
        self.wait_for(lambda told: _is_idle(told) and told["targets"] == count)

    def wait_for(self, holds):
        """Wait until something is true of the status."""
        ledger = self.out / "ledger.sqlite"
        wait_for(ledger.exists, self.process)
        wait_for(lambda: holds(read_report(Places(self.out))), self.process)


def _is_idle(told):
    running = told["running"]
    return bool(running and running["next_look_at"]) and not unsettled(told)


@pytest.fixture(scope="module")
def watched(archives, tmp_path_factory):
    """Start a harvest of ten galaxies that stays."""
    one = Watched(archives, tmp_path_factory.mktemp("watched"))
    yield one
    kill_group(one.process)


def test_watching_told(watched):
    """When all is settled it says that it watches, and when it looks next."""
    watched.wait_for_targets(10)
    wait_for(lambda: watched.events("watching"), watched.process)
    (event,) = watched.events("watching")
    assert "next look at" in event["text"]
    assert 80_000 < event["next_look_at"] - time.time() <= 86_401
    assert "watching, next look at" in harvester("status", watched.out).stdout


def test_healthy_while_idle(watched):
    """The health check passes, and tells why nothing moves."""
    done = harvester("health", watched.out, "--stalled-after", "0.001")
    assert done.returncode == 0
    assert "watching, next look at" in done.stdout


def test_idle_costs_nothing(archives, watched):
    """Idle, it asks no archive, writes no byte, and takes no noticeable CPU."""
    process, ledger = psutil.Process(watched.process.pid), watched.out / "ledger.sqlite"
    asked = len(archives.ask("/_log", service="sdss-sas"))
    before, spent = _look(watched.out), sum(process.cpu_times()[:2])
    time.sleep(3)
    assert sum(process.cpu_times()[:2]) - spent < 0.3
    assert _look(watched.out) == before
    assert len(archives.ask("/_log", service="sdss-sas")) == asked
    assert ledger.exists()


def _look(out):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in Path(out).iterdir()}


def test_appended_rows(watched):
    """Rows that are added to the catalogue are harvested."""
    done = read_report(Places(watched.out))["cutouts"]
    watched.rows[:14].write(watched.catalogue, overwrite=True)
    watched.wait_for_targets(14)
    assert read_report(Places(watched.out))["cutouts"] > done
    manifest = watched.out / "manifest.csv"
    wait_for(lambda: len(manifest.read_text().splitlines()) == 15, watched.process)


def test_dropped_file(watched):
    """A file that is put into the folder is harvested, and stays where it is."""
    new = watched.inbox / "new.fits"
    watched.rows[14:18].write(new)
    watched.wait_for_targets(18)
    assert new.exists()


def test_half_written_file(watched):
    """A file under an unfinished name is taken when it is renamed, not before."""
    part = watched.inbox / "slow.csv.part"
    watched.rows[18:24].write(part, format="ascii.csv")
    watched.rows[24:26].write(watched.inbox / "quick.csv")
    watched.wait_for_targets(20)
    part.rename(watched.inbox / "slow.csv")
    watched.wait_for_targets(26)


def test_bad_file(watched):
    """A file that cannot be used is told in log and status, and ends nothing."""
    bad = watched.inbox / "bad.csv"
    bad.write_text("this,is\nno,catalogue\n")
    watched.wait_for(lambda told: str(bad) in told["refused"])
    warnings = [one for one in watched.events("note") if one["level"] == "warning"]
    assert any(str(bad) in one["text"] for one in warnings)
    done = harvester("status", watched.out)
    assert f"not taken: {bad}" in done.stdout
    assert harvester("health", watched.out).returncode == 0
    bad.unlink()
    watched.rows[26:28].write(watched.inbox / "good.csv")
    watched.wait_for_targets(28)
    assert read_report(Places(watched.out))["refused"] == {}


def test_stopped_and_resumed(watched):
    """SIGTERM ends it cleanly; `resume --watch` goes on with what came meanwhile."""
    watched.process.send_signal(signal.SIGTERM)
    watched.process.communicate(timeout=60)
    assert watched.process.returncode == 143
    told = read_report(Places(watched.out))
    assert told["running"] is None
    watched.rows[:30].write(watched.catalogue, overwrite=True)
    watched.rows[30:32].write(watched.inbox / "meanwhile.csv")
    watched.restart()
    watched.wait_for_targets(32)
    assert harvester("verify", watched.out, "--deep").returncode == 0

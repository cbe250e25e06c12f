from __future__ import annotations

import json
import shlex
import time
from dataclasses import asdict, replace

from click.testing import CliRunner
from page_run import change

from harvester.cli import main
from harvester.ledger.process import ProcessMark
from harvester.ledger.runner import Runner
from harvester.places import Places
from harvester.status.page.overview import overview
from harvester.status.page.shown_run import shown_runs
from harvester.transport.host_state import HostState


def told(*all_places):
    """Return what the stream tells of the last run."""
    return overview(shown_runs(all_places)[-1])


def test_counts(write_ledger, tmp_path):
    """The states add up to all jobs, and a run that rests is told how to go on."""
    run = told(write_ledger(tmp_path / "zoo", 60, failed=[("not_found", 2)]))
    assert (run["state"], run["total"], run["settled"]) == ("stopped", 60, 32)
    assert (run["done"], run["no_coverage"], run["failed"]) == (20, 10, 2)
    assert run["next"] == f"harvester resume {tmp_path / 'zoo'}"


def test_finished(write_ledger, tmp_path):
    """A run without work left is finished, and no command is due."""
    run = told(write_ledger(tmp_path / "zoo", 30))
    assert (run["state"], run["next"]) == ("finished", "")


def sign_in(places, process, at):
    """Write what a harvest of this process tells of itself at a time."""
    runner = Runner(process, since=at - 60, at=at, progress_at=at)
    rows = [("runner", runner.to_json())]
    change(places.out, "INSERT OR REPLACE INTO run VALUES (?, ?)", rows)


def test_running(write_ledger, tmp_path):
    """A harvest at work is told with its pace, and each host in words."""
    places, now = write_ledger(tmp_path / "zoo"), time.time()
    state = HostState("h", 2, 4, {"file": (1, 4, 4)}, 3, slowed_by="429")
    change(places.out, "INSERT INTO host (name, requests) VALUES (?, ?)", [("h", 7)])
    text = json.dumps(asdict(state) | {"at": now})
    change(places.out, "INSERT INTO run VALUES (?, ?)", [("host h", text)])
    sign_in(places, ProcessMark.own(), now)
    run = told(places)
    assert (run["state"], run["next"]) == ("running", "")
    assert run["hosts"][0]["words"] == "ready; slowed down by 429; pace 50%"
    assert run["limits"] == ["30 galaxies to be located"]


def test_killed(write_ledger, tmp_path):
    """A harvest that was killed is told so, with the command that goes on."""
    places = write_ledger(tmp_path / "zoo")
    gone = replace(ProcessMark.own(), started="long ago")
    sign_in(places, gone, time.time())
    run = told(places)
    assert (run["state"], "ended without notice" in run["words"]) == ("dead", True)
    assert run["next"].startswith("harvester resume")


def test_retry_commands(write_ledger, tmp_path):
    """The commands to copy retry ten of a reason, and all, also an odd one."""
    reason = "odd 'one' [*]"
    places = write_ledger(tmp_path / "my zoo", failed=[(reason, 12), ("other", 2)])
    (group, _) = told(places)["failures"]
    for text, due in ((group["retry_some"], 10), (group["retry_all"], 2)):
        words, resume = text.split(" && ")
        assert shlex.split(resume) == ["harvester", "resume", str(places.out)]
        result = CliRunner().invoke(main, shlex.split(words)[1:])
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"{due} jobs are due again")
    assert [one["reason"] for one in told(places)["failures"]] == ["other"]


def test_unreadable(tmp_path):
    """A ledger that cannot be read is told in words, and hides no other run."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/ledger.sqlite").write_bytes(b"not a ledger" * 1000)
    run = told(Places(tmp_path / "bad"))
    assert run["state"] == "unreadable"
    assert "ledger" in run["words"]


def test_preparing(tmp_path):
    """A run whose catalogue is still read has settings and no ledger."""
    (tmp_path / "harvest.toml").touch()
    assert told(Places(tmp_path))["state"] == "preparing"


def test_names(tmp_path):
    """Runs are named by as much of their paths as tells them apart."""
    folders = [tmp_path / "a/zoo", tmp_path / "b/zoo", tmp_path / "b/other"]
    runs = shown_runs([Places(folder) for folder in folders])
    assert [run.name for run in runs] == ["a/zoo", "b/zoo", "other"]

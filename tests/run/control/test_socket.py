"""Commands over the socket: who may give them, where it is, and what they do."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time
from pathlib import Path

import aiohttp
import pytest
from at_work import HOST, at_work
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from page_run import write_ledger

from harvester.cli import main
from harvester.errors import InputError, LocalError
from harvester.events import Controlled, Moved
from harvester.ledger.file import owned
from harvester.ledger.looking_again import keep_watcher
from harvester.ledger.process import ProcessMark
from harvester.ledger.runner import Runner
from harvester.places import Places
from harvester.run.control import server
from harvester.run.control.envelope import Caller
from harvester.status.control.client import NotAtWorkError, ask_harvest
from harvester.status.control.private_folder import LONGEST_PATH
from harvester.status.control.verbs import Verb
from harvester.status.health import read_health
from harvester.status.report import read_report, state_of
from harvester.status.report_words import beat_of, words

_FAILED = [("not_found", 7), ("http_500", 3)]

#: A user who has nothing to do with the harvest; only root can act as one.
_STRANGER = 65_534
IS_ROOT = os.geteuid() == 0

ME = Caller(os.geteuid(), "socket").words


@pytest.fixture
def places(tmp_path):
    """Return a run with ten failed galaxies."""
    return write_ledger(tmp_path / "zoo", done=0, no_coverage=30, failed=_FAILED)


def call(*given):
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(one) for one in given])


def _connected_by_stranger(folder):
    """Connect to the socket in a folder as another user, and be root again."""
    before, end = Path.cwd(), socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    os.seteuid(_STRANGER)
    try:
        end.connect("ctl.sock")
    except OSError:
        end.close()
        raise
    finally:
        os.seteuid(0)
        os.chdir(before)
    return end


async def test_only_for_the_owner(places):
    """Folder and socket let in their owner only, and are gone afterwards."""
    async with at_work(places) as harvest:
        path = places.control / "ctl.sock"
        assert harvest.watch.control == str(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        if IS_ROOT:
            with pytest.raises(PermissionError):
                _connected_by_stranger(path.parent)
    assert not places.control.exists()


async def test_another_user(places, monkeypatch):
    """A user whom the folder lets in is refused by number, and the log says whom."""
    if not IS_ROOT:  # then nobody can act as another: we are not heard ourselves
        monkeypatch.setattr(server.os, "geteuid", lambda: 0)
    async with at_work(places) as harvest:
        refusal = await _refusal_of_stranger(places)
        assert "403" in refusal
        assert "hears only its own user and root" in refusal
        assert harvest.watch.paused is None
        (event,) = [one for one in harvest.said if isinstance(one, Controlled)]
    assert event.is_refused
    assert event.uid == (_STRANGER if IS_ROOT else os.getuid())


async def _refusal_of_stranger(places):
    """Give the answer to a command of a user whom the folder lets in."""
    if not IS_ROOT:
        with pytest.raises(LocalError) as caught:
            await ask_harvest(places, Verb.PAUSE)
        return f"403 {caught.value}"
    places.control.chmod(0o755)
    (places.control / "ctl.sock").chmod(0o666)
    end = _connected_by_stranger(places.control)
    reader, writer = await asyncio.open_unix_connection(sock=end)
    writer.write(b"POST /v1/pause HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_pause(places):
    """A pause is told by status, heartbeat and health, with who and how it ends."""
    async with at_work(places) as harvest:
        answer = await ask_harvest(places, Verb.PAUSE)
        assert answer["paused"]["by"] == ME
        assert harvest.orchestrator.is_held
        (state,) = harvest.transport.states()
        assert state.paused
        report = read_report(places)
        told = f"paused by {ME} since "
        again = f"`harvester ctl {places.out} resume` goes on"
        for text in (words(report), beat_of(report).text):
            assert told in text
            assert again in text
        assert state_of(report) == "paused"
        assert (report["pace"]["eta_s"], report["pace"]["limits"][0]["limit"]) == (
            None,
            "paused",
        )
        # However long it lasts.
        verdict = read_health(places, 0.001, report["running"]["told_at"] + 60)
        assert verdict.is_healthy
        assert again in verdict.words
        assert "before" in (await ask_harvest(places, Verb.PAUSE))["words"]
        retried = await ask_harvest(places, Verb.RETRY)
        assert retried["words"] == "10 jobs are due again, after the pause"
        assert (await ask_harvest(places, Verb.RESUME))["paused"] is None
        assert "paused" not in words(read_report(places))
        assert not harvest.orchestrator.is_held
        assert not harvest.transport.states()[0].paused


async def test_log(places):
    """Each command is an event with who gave it, how it came, and what was done."""
    async with at_work(places) as harvest:
        await ask_harvest(places, Verb.PAUSE, via="page 192.0.2.7")
        with pytest.raises(InputError):
            await ask_harvest(places, Verb.RATE, {"host": HOST, "rate": 99})
        events = [one for one in harvest.said if isinstance(one, Controlled)]
    assert [(one.verb, one.via, one.is_refused) for one in events] == [
        ("pause", "page 192.0.2.7", False),
        ("rate", "socket", True),
    ]
    assert all(one.uid == os.geteuid() and ME in one.text for one in events)


async def test_rate(places):
    """A rate holds at once, and status shows it beside that of the settings."""
    async with at_work(places):
        answer = await ask_harvest(places, Verb.RATE, {"host": HOST, "rate": 0.5})
        assert answer["rates"][HOST] == {"allowed": 0.5, "most": 10}
        told = words(read_report(places))
    assert f"{HOST} now: ready; rate set to 0.5 requests/s (settings: 5)" in told


@pytest.mark.parametrize(
    ("details", "count"),
    [
        ({}, 10),
        ({"reason": "http_*"}, 3),
        ({"reason": "not_found", "limit": 2}, 2),
        ({"surveys": ["sdss"], "ids": ["g0030", "g0039"]}, 2),
        ({"surveys": ["sdss:r"]}, 10),
    ],
)
async def test_retry(places, details, count):
    """Failed jobs are taken up by reason, survey and galaxy; the bars are told."""
    async with at_work(places) as harvest:
        answer = await ask_harvest(places, Verb.RETRY, details)
        moved = [one for one in harvest.said if isinstance(one, Moved)]
    assert answer["words"].startswith(f"{count} jobs are due again")
    assert [(one.jobs, one.source) for one in moved] == [(count, "failed")]
    assert sum(one["jobs"] for one in read_report(places)["failures"]) == 10 - count


@pytest.mark.parametrize(
    ("verb", "details", "said"),
    [
        ("pasue", {}, "Did you mean pause?"),
        ("pause", {"for": 3}, "for: "),
        ("rate", {"host": "data.sdss.og", "rate": 1}, f"Did you mean {HOST}?"),
        ("rate", {"host": HOST, "rate": "fast"}, "rate: "),
        ("rate", {"host": HOST, "rate": 11}, "at most 10 requests/s"),
        ("retry", {"reason": "http_404"}, "no galaxy failed"),
        ("retry", {"surveys": ["sds"]}, "Did you mean sdss?"),
        ("retry", {"ids": ["g030"]}, "Did you mean g0030?"),
        ("retry", {"ids": ["g0001"]}, "no galaxy failed"),
        ("retry", {"reasn": "*"}, "reasn: "),
    ],
)
async def test_slips(places, verb, details, said):
    """A wrong command is refused with what was probably meant; nothing is changed."""
    async with at_work(places) as harvest:
        with pytest.raises(InputError) as caught:
            await ask_harvest(places, verb, details)
        assert said in str(caught.value)
        assert harvest.watch.paused is None
    assert sum(one["jobs"] for one in read_report(places)["failures"]) == 10


async def test_nonsense(places):
    """What is no command gets a short answer; GET changes nothing."""
    async with at_work(places) as harvest:
        connector = aiohttp.UnixConnector(path=harvest.watch.control)
        async with aiohttp.ClientSession(connector=connector) as session:
            for body in (b"", b"[]", b"{", b'{"via": "\x1b[2J", "details": {}}'):
                async with session.post("http://x/v1/pause", data=body) as reply:
                    assert reply.status == 400
                    assert "cannot be understood" in (await reply.json())["error"]
            async with session.get("http://x/v1/pause") as reply:
                assert reply.status == 405
        assert harvest.watch.paused is None


async def test_stale_socket(places):
    """A socket that a killed harvest left is replaced."""
    places.control.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(places.control / "ctl.sock"))
    with pytest.raises(NotAtWorkError, match="harvester resume"):
        await ask_harvest(places, Verb.STATUS)
    async with at_work(places):
        assert "at work" in (await ask_harvest(places, Verb.STATUS))["words"]


@pytest.mark.parametrize("has_runtime_dir", [True, False])
async def test_long_path(tmp_path, monkeypatch, has_runtime_dir):
    """If the path of the run is too long, the socket has a short one that is found."""
    runtime, state = tmp_path / "run", tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime) if has_runtime_dir else "")
    places = write_ledger(tmp_path / ("z" * LONGEST_PATH), done=0)
    async with at_work(places) as harvest:
        used = runtime if has_runtime_dir else state
        assert harvest.watch.control.startswith(f"{used}/harvester/ctl/")
        # Another shell need not have the same variables.
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        assert "at work" in (await ask_harvest(places, Verb.STATUS))["words"]


async def test_no_place(tmp_path, monkeypatch):
    """Without a place for a socket the harvest goes on, and says so."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("s" * LONGEST_PATH)))
    places = write_ledger(tmp_path / ("z" * LONGEST_PATH), done=0)
    monkeypatch.setattr(server, "_LATER_S", 0.0)
    said = []

    class Watch:
        listener = staticmethod(said.append)

    async with server.taking_commands(None, Watch(), places):
        while not said:
            await asyncio.sleep(0.01)
    assert "takes no commands" in said[0].text


def test_not_at_work(places, tmp_path):
    """Without a harvest the exit code is 5, and the words say how one is begun."""
    done = call("ctl", places.out, "pause")
    assert (done.exit_code, "harvester resume" in done.output) == (5, True)
    done = call("ctl", tmp_path, "pause")
    assert (done.exit_code, "there is no harvest" in done.output) == (2, True)
    empty = Places(tmp_path / "new")
    empty.out.mkdir()
    with owned(empty.lock):
        done = call("ctl", empty.out, "pause")
    assert (done.exit_code, "catalogue is still being read" in done.output) == (5, True)


def test_watching(places):
    """A run that waits for something new says what to do instead."""
    now = time.time()
    waiting = Runner(ProcessMark.own(), now, now, now, next_look_at=now + 60)
    keep_watcher(places.ledger, waiting)
    done = call("ctl", places.out, "retry")
    assert (done.exit_code, "nothing to do now (watching" in done.output) == (5, True)


def test_words_of_the_command(places, monkeypatch):
    """The folder may be left out; a typing error is refused with the nearest verb."""
    done = call("ctl", places.out, "pasue")
    assert (done.exit_code, "Did you mean pause?" in done.output) == (2, True)
    monkeypatch.setenv("HARVESTER_RUN", str(places.out))
    done = call("ctl", "status")
    assert (done.exit_code, str(places.out) in done.output) == (5, True)
    done = call("ctl", places.out, "retry", "--better", "--limit", "3")
    assert (done.exit_code, "--limit goes with failed" in done.output) == (2, True)


def test_offline_retry(places):
    """The same choices work while no harvest is at work."""
    done = call("retry", places.out, "--id", "g0030", "--id", "g0031", "--json")
    assert json.loads(done.output)["due_again"] == 2
    assert call("retry", places.out, "--id", "g003").exit_code == 2
    with owned(places.lock):
        done = call("retry", places.out)
    assert (done.exit_code, "harvester ctl" in done.output) == (4, True)


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        (("ctl", "zoo", ""), {"pause", "resume", "retry", "rate", "status"}),
        (("ctl", "zoo", "re"), {"resume", "retry"}),
        (("ctl", "pau"), {"pause"}),
        (("ctl", "zoo", "retry", "--su"), {"--survey"}),
    ],
)
def test_completion(given, completed):
    """The shell completes the commands, after a folder or in its place."""
    *words, incomplete = given
    shell = ShellComplete(main, {}, "harvester", "_HARVESTER_COMPLETE")
    found = {one.value for one in shell.get_completions(words, incomplete)}
    assert completed <= found

"""Account files shared by several processes, which may be killed at any moment."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from one_host import ask

from harvester.transport import account_file
from harvester.transport.account_file import Presence, state_folder
from harvester.transport.machine_limit import MachineLimit
from harvester.transport.manners import Manners
from harvester.transport.throttle import Throttle

#: A harvest that sends one request after the other and prints a line during each.
_HARVEST = """
import asyncio, sys
from pathlib import Path
from harvester.transport.machine_limit import MachineLimit
from harvester.transport.manners import Manners
from harvester.transport.throttle import Throttle

async def main():
    limit = MachineLimit(Path(sys.argv[1])).at("archive.example")
    manners = Manners(rate=1000, slots={"file": 1})
    throttle = Throttle("archive.example", manners, limit=limit)
    while True:
        async with throttle.slot("file") as turn:
            turn.sent()
            print(limit.is_on, flush=True)
            turn.succeeded()

asyncio.run(main())
"""


@contextmanager
def other_harvest(folder):
    """Let another process send requests while the block runs."""
    words = [sys.executable, "-c", _HARVEST, str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def harvest(folder, rate=1000.0):
    """Make the machine limit of one harvest, and its throttle with a single slot."""
    machine = MachineLimit(folder)
    manners = Manners(rate=rate, slots={"file": 1})
    limit = machine.at("archive.example")
    return machine, Throttle("archive.example", manners, limit=limit)


@contextmanager
def locked(folder):
    """Hold the lock of the only account file, as a suspended process would."""
    (path,) = folder.glob("*/*/hosts/*")
    with path.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def test_killed_at_any_moment(tmp_path):
    """When another harvest is killed, at any moment, its slot is freed at once."""
    machine, throttle = harvest(tmp_path)
    for lines in range(1, 9):
        with other_harvest(tmp_path) as process:
            for _ in range(lines):
                assert process.stdout.readline() == "True\n"
            process.send_signal(signal.SIGKILL)
            process.wait()
            async with asyncio.timeout(60):
                await ask(throttle, "file")
    assert not machine.is_off
    assert len(list(tmp_path.glob("*/*/runs/*"))) == 1
    machine.close()


async def test_place_of_another_process(tmp_path):
    """Two processes that compete for the only slot both make progress."""
    machine, throttle = harvest(tmp_path)
    with other_harvest(tmp_path) as process:
        process.stdout.readline()
        for _ in range(20):
            async with asyncio.timeout(60):
                await ask(throttle, "file")
            assert await asyncio.to_thread(process.stdout.readline) == "True\n"
    assert not machine.is_off
    machine.close()


async def test_event_loop_goes_on(tmp_path):
    """While the account is locked, the request waits but the event loop runs on."""
    machine, throttle = harvest(tmp_path)
    await ask(throttle, "file")
    with locked(tmp_path):
        asking = asyncio.create_task(ask(throttle, "file"))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not asking.done()
    async with asyncio.timeout(60):
        await asking
    assert not machine.is_off
    machine.close()


async def test_lock_that_is_never_free(tmp_path, monkeypatch, caplog):
    """If the account stays locked, a harvest warns and uses limits of its own."""
    machine, throttle = harvest(tmp_path)
    await ask(throttle, "file")
    monkeypatch.setattr(account_file, "_LOCK_S", 0.05)
    with locked(tmp_path):
        async with asyncio.timeout(60):
            await ask(throttle, "file")
            await ask(throttle, "file")
    assert machine.is_off
    (record,) = caplog.records
    assert "this harvest keeps its own limits" in record.getMessage()
    machine.close()


async def test_two_harvests_of_one_process(tmp_path):
    """Two throttles in one process share the limit too."""
    machine, throttle = harvest(tmp_path)
    other_machine, other = harvest(tmp_path)
    async with throttle.slot("file") as turn:
        waiting = asyncio.create_task(ask(other, "file"))
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert not waiting.done()
        turn.succeeded()
    async with asyncio.timeout(60):
        await waiting
    machine.close()
    other_machine.close()


def test_who_lives(tmp_path):
    """A harvest counts as alive until it ends; a killed one's file is removed."""
    mine, other = Presence(tmp_path), Presence(tmp_path)
    assert mine.is_alive(mine.id)
    assert mine.is_alive(other.id)
    os.close(other._fd)  # the kernel does this when a process is killed
    assert not mine.is_alive(other.id)
    assert [path.name for path in tmp_path.glob("*/*/runs/*")] == [mine.id]
    mine.close()
    assert not list(tmp_path.glob("*/*/runs/*"))


def test_old_accounts(tmp_path):
    """Account files unused for a day are removed; recent ones stay."""
    presence = Presence(tmp_path)
    old, new = presence.hosts / "old.example.0", presence.hosts / "new.example.0"
    for path in (old, new):
        path.write_text("")
    os.utime(old, (1e9, 1e9))
    earlier = presence.hosts.parent.with_name("an-earlier-start")
    (earlier / "runs").mkdir(parents=True)
    for path in (earlier, earlier / "runs"):
        os.utime(path, (1e9, 1e9))
    presence.close()
    Presence(tmp_path).close()
    assert list(presence.hosts.iterdir()) == [new]
    assert not earlier.exists()


@pytest.mark.parametrize(
    ("base", "folder"),
    [("/states", "/states/harvester"), ("", "/home/me/.local/state/harvester")],
)
def test_state_folder(monkeypatch, base, folder):
    """The state folder follows the XDG convention."""
    monkeypatch.setenv("XDG_STATE_HOME", base)
    monkeypatch.setenv("HOME", "/home/me")
    assert str(state_folder()) == folder

"""After kill -9 of the harvester or of the store, all stamps are there, and whole."""

from __future__ import annotations

import json

import pytest
import service
from s3_servers import moto, serving
from to_store import ToStore, stamps_on_disk

#: Sent one after the other, stamps take seconds, so that a kill comes between two.
_SINGLY = {"HARVESTER__STORE__AT_ONCE": "1"}


@pytest.fixture
def slow_store(archives, tmp_path):
    """Give harvests into a store that takes a while for each write."""
    with serving(moto(0.1), tmp_path) as running:
        yield ToStore(running, archives, tmp_path)


def test_killed_harvester(slow_store, on_disk):
    """Killed at several moments, the harvest ends with the same bytes in the store."""
    for count in (1, 12, 30):
        process = slow_store.start(**_SINGLY)
        slow_store.wait_for_stamps(count, process)
        service.kill_group(process)
        there = slow_store.stamps()
        assert there.items() <= stamps_on_disk(on_disk).items()
        assert len(there) < 48
    done = slow_store.command("resume", slow_store.work)
    assert done.returncode == 0, done.stderr
    assert slow_store.stamps() == stamps_on_disk(on_disk)


def test_killed_store(slow_store, on_disk):
    """A store that is killed and comes back empty gets all again from one harvest."""
    process = slow_store.start(**_SINGLY)
    slow_store.wait_for_stamps(12, process)
    slow_store.server.kill()
    service.wait_for(lambda: _waits(slow_store), process)
    slow_store.server.start()
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert slow_store.stamps() == stamps_on_disk(on_disk)
    assert "run.json" in slow_store.server.names(slow_store.prefix)
    assert f"{slow_store.url}: down: " in output


def _waits(to_store):
    """Tell whether status says that stamps wait for the store."""
    host = service.status(to_store.work)["hosts"].get(to_store.url, {})
    words = host.get("words", "")
    return words.startswith("down: ") and "connection refused" in words


def test_lost_store(to_store, on_disk):
    """What a store has lost between two harvests is sent again by resume."""
    assert to_store.run().returncode == 0
    to_store.server.kill()
    to_store.server.start()
    found = to_store.command("verify", to_store.work, "--json")
    assert found.returncode == 3
    assert len(json.loads(found.stdout)["store"]["missing"]) == 48
    assert to_store.command("resume", to_store.work).returncode == 0
    assert to_store.stamps() == stamps_on_disk(on_disk)


def test_given_up(to_store, on_disk):
    """A store that stays away ends the harvest with code 5; status and resume know."""
    process = to_store.start(**_SINGLY, HARVESTER__POLITENESS__PATIENCE_S="2")
    to_store.wait_for_stamps(1, process)
    to_store.server.kill()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 5, output
    assert f"of outage of {to_store.url}: " in output
    (trouble,) = service.status(to_store.work)["troubles"]
    assert f"wait for {to_store.url}" in trouble
    to_store.server.start()
    assert to_store.command("resume", to_store.work).returncode == 0
    assert to_store.stamps() == stamps_on_disk(on_disk)

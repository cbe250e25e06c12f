"""What the harvests of a machine have learned of hosts, in files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from harvester.models import HostFacts
from harvester.transport.shared_hosts import (
    newest,
    read_shared_hosts,
    write_shared_hosts,
)

FACTS = HostFacts(11e6, 0.18, 1000.5, ranges=True, ranges_at=900.0)
BARE = HostFacts(ranges=False, ranges_at=7.0, several=False, several_at=8.0)


def test_kept(tmp_path):
    """Facts come back as they were, whatever the host is called."""
    facts = {"data.sdss.org": FACTS, "a.example:8443/sas": BARE}
    write_shared_hosts(tmp_path, facts)
    assert read_shared_hosts(tmp_path) == facts


def test_written_again(tmp_path):
    """New facts replace those of the same host, and no others."""
    write_shared_hosts(tmp_path, {"a": FACTS, "b": FACTS})
    write_shared_hosts(tmp_path, {"b": BARE})
    assert read_shared_hosts(tmp_path) == {"a": FACTS, "b": BARE}
    assert len(list((tmp_path / "hosts-1").iterdir())) == 2


def test_limit_is_not_shared(tmp_path):
    """What limits depends on the settings of a harvest: others are not told."""
    write_shared_hosts(tmp_path, {"a": replace(FACTS, limit="cores")})
    assert read_shared_hosts(tmp_path) == {"a": FACTS}


@pytest.mark.parametrize("host", ["127.0.0.1:8080/sas", "[::1]:80", "localhost:8080"])
def test_this_machine(tmp_path, host):
    """Servers on this machine are left out: another one may have the port next."""
    write_shared_hosts(tmp_path, {host: FACTS})
    assert read_shared_hosts(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"speed": 1}',
        json.dumps(asdict(FACTS) | {"bandwidth": -1}),
        json.dumps(asdict(FACTS) | {"bandwidth": 0}),
        json.dumps(asdict(FACTS) | {"latency_s": "slow"}),
        json.dumps(asdict(FACTS) | {"measured_at": float("nan")}),
        json.dumps(asdict(FACTS) | {"ranges": "yes"}),
        json.dumps(asdict(FACTS) | {"several": [True]}),
    ],
)
def test_damaged(tmp_path, text):
    """A file that is no facts, or was not finished, tells nothing; others are read."""
    write_shared_hosts(tmp_path, {"a": FACTS})
    (tmp_path / "hosts-1" / "b").write_text(text)
    (tmp_path / "hosts-1" / ".c.123").write_text(json.dumps(asdict(FACTS)))
    assert read_shared_hosts(tmp_path) == {"a": FACTS}


def test_no_folder(tmp_path):
    """Where nothing can be read or written, nothing is known, and nothing fails."""
    file = tmp_path / "file"
    file.touch()
    write_shared_hosts(file, {"a": FACTS})
    assert read_shared_hosts(file) == read_shared_hosts(tmp_path / "none") == {}


def test_newest():
    """Of two sources the later one tells of a host."""
    old, new = FACTS, replace(FACTS, measured_at=2000.0, bandwidth=1.0)
    assert newest({"a": old, "b": new, "c": old}, {"a": new, "b": old}) == {
        "a": new,
        "b": new,
        "c": old,
    }

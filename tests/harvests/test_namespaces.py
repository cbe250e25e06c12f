"""Harvests on three hosts ask one broker: the archive sees the limits kept.

The hosts are network namespaces of this machine, which only root can make.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hosts import in_new_namespaces, lacking

_SERVICES = ("sdss-sky", "sdss-sas")
_SCENE = Path(__file__).with_name("four_hosts.py")

pytestmark = [
    pytest.mark.harvest,
    pytest.mark.machines,
    pytest.mark.usefixtures("hosts"),
]


@pytest.fixture(scope="module")
def hosts():
    """Skip where no namespaces can be made; fail if they are required."""
    if why := lacking():
        if os.environ.get("HARVESTER_REQUIRE_NAMESPACES"):
            pytest.fail(why)
        pytest.skip(f"{why}: set HARVESTER_REQUIRE_NAMESPACES=1 to fail instead")


def play(folder, scene):
    """Play a scene of `four_hosts`; give what happened."""
    played = subprocess.run(
        in_new_namespaces(_SCENE, folder, scene),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert played.returncode == 0, played.stderr
    return json.loads(played.stdout)


def assert_kept(told):
    """Check that all limits were kept, and that all galaxies have their stamps."""
    assert told["ended"] == [0, 0, 0], told["words"]
    assert told["done"] == [5, 5, 5]
    for name in _SERVICES:
        assert told["stats"][name]["rate_violations"] == 0
    assert told["stats"]["sdss-sas"]["peak_concurrency"] == 1
    assert told["stats"]["sdss-sas"]["requests"] >= 6


def test_apart(tmp_path):
    """Without a broker the hosts break the limits: the archive does count that."""
    told = play(tmp_path, "apart")
    assert told["ended"] == [0, 0, 0], told["words"]
    assert told["stats"]["sdss-sas"]["peak_concurrency"] > 1
    assert sum(told["stats"][name]["rate_violations"] for name in _SERVICES) > 0


def test_together(tmp_path):
    """With a broker all hosts together keep rate and concurrency."""
    assert_kept(play(tmp_path, "together"))


def test_worker_is_cut_off(tmp_path):
    """The share of a host that is cut off goes to the others, and it finishes later."""
    told = play(tmp_path, "worker_cut")
    assert_kept(told)
    assert told["held"] == 1
    assert told["held_s"] > 20
    assert told["alone"] < 5
    assert told["after"][0] == told["alone"]
    assert "no request is sent without its leave" in told["words"][0]


def test_broker_is_cut_off(tmp_path):
    """While the broker is cut off nothing is sent; then all harvests finish."""
    told = play(tmp_path, "broker_cut")
    assert_kept(told)
    # Counted when each harvest that was not done had noticed, and some time later.
    before, after = told["asked"]
    assert before == after
    assert sum(told["before"]) < 15
    assert any("no request is sent without its leave" in one for one in told["words"])

"""A sandbox, a harvest of it on disk, and a store for the same harvest."""

from __future__ import annotations

import os

import pytest
import service
from s3_servers import moto, serving
from to_store import SURVEY, ToStore


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """Serve a small sky for the whole session."""
    options = ("--seed", "7", "--targets", "24")
    with service.sandbox(tmp_path_factory.mktemp("sandbox"), *options) as running:
        yield running


@pytest.fixture(scope="session")
def on_disk(archives, tmp_path_factory):
    """Harvest the sky to disk; give the folder."""
    out = tmp_path_factory.mktemp("disk") / "run"
    words = ("run", archives.catalogue, "--out", out, *SURVEY, *archives.flags())
    done = service.harvester(*words)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session", autouse=True)
def _no_keys_of_the_user():
    """Leave keys and stores of the user out of the environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_"))]:
        del os.environ[name]


@pytest.fixture
def server(tmp_path):
    """Serve moto's store."""
    with serving(moto(), tmp_path) as running:
        yield running


@pytest.fixture
def to_store(server, archives, tmp_path):
    """Give harvests into moto's store."""
    return ToStore(server, archives, tmp_path)

"""Fixtures for all tests."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines for single examples, because the machine may be busy.
settings.register_profile("harvester", deadline=None)
settings.load_profile("harvester")

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real catalogues, frames and recorded replies."""
    folder = Path(os.environ.get("HARVESTER_REAL_DATA", _REPOSITORY.parent / "shared"))
    if folder.is_dir():
        return folder
    reason = f"no real data at {folder}: set HARVESTER_REAL_DATA to that folder"
    if os.environ.get("HARVESTER_REQUIRE_REAL_DATA"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory):
    """Keep the limits that harvests share out of the user's own folder."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture
def zone(monkeypatch):
    """Give a function that sets the time zone until the end of the test."""

    def move_to(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move_to
    monkeypatch.undo()
    time.tzset()


def pytest_make_parametrize_id(val):
    """Name a reply by its first line, because its Date header changes."""
    is_reply = isinstance(val, bytes) and val.startswith(b"HTTP/")
    return val.partition(b"\r\n")[0].decode() if is_reply else None

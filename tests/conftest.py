"""Fixtures for all tests."""

from __future__ import annotations

import bz2
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import settings

from harvester.sandbox.kept_files import FOLDER_VARIABLE

# No deadlines for single examples, because the machine may be busy.
settings.register_profile("harvester", deadline=None)
settings.load_profile("harvester")

_REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Put what takes long first: if it ran last, other workers would wait for it."""
    items.sort(key=lambda item: (-_patience_s(item), not _has_harvest(item)))


def _patience_s(item):
    """Give the seconds that a test may take, which tell about how long it does."""
    limit = item.get_closest_marker("timeout")
    return limit.args[0] if limit else 300


def _has_harvest(item):
    return item.get_closest_marker("harvest") is not None


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


@pytest.fixture(scope="session")
def unpacked(shared, tmp_path_factory):
    """Give a function for the path of a real SDSS frame, unpacked.

    Unpacking takes a second. It is done once for all tests and workers.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "frames"
    folder.mkdir(exist_ok=True)

    def unpack(name):
        path = folder / name.removesuffix(".bz2")
        if not path.exists():
            packed = (shared / "data/sdss" / f"{path.name}.bz2").read_bytes()
            new = path.with_name(f"{path.name}.{os.getpid()}")
            new.write_bytes(bz2.decompress(packed))
            new.rename(path)
        return path

    return unpack


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory):
    """Keep the limits that harvests share out of the user's own folder."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session", autouse=True)
def _kept_files(tmp_path_factory):
    """Let sandboxes share what they paint: the same sky is in many tests."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ.setdefault(FOLDER_VARIABLE, str(folder / "painted"))


@pytest.fixture(scope="session")
def often():
    """Give a function that chooses how often to repeat what differs by chance only.

    Call it with the usual number, and with the one of `make test-thorough`.
    """
    is_thorough = bool(os.environ.get("HARVESTER_THOROUGH"))
    return lambda usual, thorough: thorough if is_thorough else usual


class SetClock:
    """A clock that stands still until a test sets it; call it for the seconds."""

    now = 0.0

    def __call__(self) -> float:
        """Give its time in seconds."""
        return self.now


@pytest.fixture
def clock() -> SetClock:
    """Give a clock that stands at 0."""
    return SetClock()


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


@pytest.fixture(scope="session")
def promtool():
    """Give a function that runs promtool, which comes with Prometheus."""
    path = shutil.which("promtool")
    if path is None:
        reason = "no promtool here: install Prometheus, as .ci/run does"
        if os.environ.get("HARVESTER_REQUIRE_PROMTOOL"):
            pytest.fail(reason)
        pytest.skip(reason)

    def run(*words, text=None):
        command = [path, *map(str, words)]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def browser():
    """Start the Chromium of the machine."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if not path:
        reason = "no Chromium here: install it, as .ci/run does"
        if os.environ.get("HARVESTER_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Without this Chromium does not run as root. It opens only pages of the tests.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()

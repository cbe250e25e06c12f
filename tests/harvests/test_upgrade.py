"""The current harvester continues a run of an earlier version.

`earlier/` is a run of the first version, with twelve galaxies of the sandbox's seed 7:
five had their stamps, which are not kept here, when the archive went down.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from service import (
    brisk_environment,
    command_on_path,
    harvester,
    sandbox,
    stamps,
    status,
)

from harvester.ledger import upgrade
from harvester.ledger.file import VERSION

pytestmark = [pytest.mark.harvest, pytest.mark.long]

EARLIER = Path(__file__).parent / "earlier"
ENTRY = Path(__file__).resolve().parents[2] / "docker" / "entrypoint.sh"
SKY = ("--seed", "7", "--targets", "12", "--per-field", "1", "--no-hst-images")


@pytest.fixture
def out(tmp_path):
    """Give the folder of the earlier run."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("harvest.toml", "labels.parquet"):
        shutil.copy(EARLIER / name, folder)
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.executescript((EARLIER / "ledger.sql").read_text(encoding="utf-8"))
        # A dump of a ledger does not contain this pragma.
        db.execute("PRAGMA user_version = 1")
    return folder


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve the galaxies of the earlier run."""
    with sandbox(tmp_path_factory.mktemp("sandbox"), *SKY) as running:
        yield running


def test_goes_on_with_an_earlier_run(out, archives):
    """Its ledger is read, finished, verified and repaired."""
    assert status(out)["surveys"]["sdss"] == {
        "pending": 0,
        "located": 7,
        "done": 5,
        "no_coverage": 0,
        "failed": 0,
    }
    for before, code in ((7, 3), (12, 0)):
        done = harvester("resume", out, *archives.flags())
        assert done.returncode == 0, done.stderr
        assert len(stamps(out)) == before
        # The first time the five stamps without a file are to be made again.
        assert harvester("verify", "--deep", "--repair", out).returncode == code
    assert status(out)["surveys"]["sdss"]["done"] == 12


@pytest.mark.parametrize("version", range(1, VERSION))
def test_container_goes_on(out, archives, version, tmp_path, monkeypatch):
    """The entry point of the container continues a ledger of each earlier version."""
    monkeypatch.setattr(upgrade, "VERSION", version)
    upgrade.upgrade_ledger(out / "ledger.sqlite")
    assert _version(out) == version
    run = {"HARVESTER_RUN": str(out), "PATH": command_on_path(tmp_path)}
    environment = brisk_environment(**archives.settings(), **run)
    done = subprocess.run(
        [ENTRY], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _version(out) == VERSION
    assert len(stamps(out)) == 7
    assert status(out)["surveys"]["sdss"]["done"] == 12


def _version(out):
    with closing(sqlite3.connect(out / "ledger.sqlite")) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]

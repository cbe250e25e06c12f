"""The current harvester continues a run of an earlier version.

`earlier/` is a run of the first version, with twelve galaxies of the sandbox's seed 7:
five had their stamps, which are not kept here, when the archive went down.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from service import harvester, sandbox, stamps, status

pytestmark = [pytest.mark.harvest, pytest.mark.long]

EARLIER = Path(__file__).parent / "earlier"


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


def test_goes_on_with_an_earlier_run(out, tmp_path):
    """Its ledger is read, finished, verified and repaired."""
    assert status(out)["surveys"]["sdss"] == {
        "pending": 0,
        "located": 7,
        "done": 5,
        "no_coverage": 0,
        "failed": 0,
    }
    options = ("--seed", "7", "--targets", "12", "--per-field", "1", "--no-hst-images")
    with sandbox(tmp_path, *options) as archives:
        for before, code in ((7, 3), (12, 0)):
            done = harvester("resume", out, *archives.flags())
            assert done.returncode == 0, done.stderr
            assert len(stamps(out)) == before
            # The first time the five stamps without a file are to be made again.
            assert harvester("verify", "--deep", "--repair", out).returncode == code
    assert status(out)["surveys"]["sdss"]["done"] == 12

"""What the tests in this folder share: a sandbox, and a harvest of real frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from service import harvester, sandbox

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """Serve a small sky for the whole session."""
    options = ("--seed", "7", "--targets", "60")
    with sandbox(tmp_path_factory.mktemp("sandbox"), *options) as running:
        yield running


class RealRun(NamedTuple):
    """A finished run."""

    out: Path
    #: Requests to the file service, by status.
    statuses: dict[str, int]


@pytest.fixture(scope="session")
def real_run(shared, tmp_path_factory):
    """Harvest a galaxy of the real SDSS frames in i, r and g."""
    folder, frames = tmp_path_factory.mktemp("real"), shared / "data/sdss"
    truth = json.loads((frames / "truth_open.json").read_text())
    (galaxy,) = truth["frame-r-001043-5-0025"]
    catalogue, out = folder / "truth.csv", folder / "out"
    catalogue.write_text(
        f"objid,ra,dec\n{galaxy['id']},{galaxy['ra']},{galaxy['dec']}\n"
    )
    with sandbox(folder, "--frames", frames) as archives:
        done = harvester(
            "run", catalogue, "--out", out, "--survey", "sdss:i,r,g", *archives.flags()
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return RealRun(out, archives.stats()["sdss-sas"]["by_status"])

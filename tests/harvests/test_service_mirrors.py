"""Two addresses for the files of one archive: the first fails during the harvest."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from service import (
    kill_group,
    sandbox,
    stamps,
    start,
    start_sandbox,
    status,
    wait_for,
)

pytestmark = pytest.mark.harvest

OPTIONS = ("--seed", "7", "--targets", "40", "--per-field", "3")
#: After three files the mirror stops answering, so that it fails during the run.
MUTE = ("--fault", "slow=300@sdss-sas:after=3")


@pytest.fixture
def archive(tmp_path):
    """Serve a sky in many frames."""
    (tmp_path / "archive").mkdir()
    with sandbox(tmp_path / "archive", *OPTIONS) as running:
        yield running


@contextmanager
def mirror_that_dies(folder):
    """Serve the same sky; the mirror is killed when the block ends."""
    folder.mkdir()
    process, mirror = start_sandbox(folder, *OPTIONS, *MUTE, catalogue=False)
    try:
        yield mirror
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


@pytest.mark.long
def test_mirror_dies(tmp_path, archive):
    """If a mirror dies during the harvest, no galaxy fails."""
    run = tmp_path / "run"
    words = (archive.catalogue, "--out", run, "--survey", "sdss:r", *archive.flags())
    with mirror_that_dies(tmp_path / "mirror") as mirror:
        # The mirror is named before the archive, so it is tried first.
        first = f"--base-url=sdss-sas={mirror.urls['sdss-sas']}"
        harvest = start("run", first, *words)
        try:
            wait_for(lambda: files_of(mirror) >= 4, harvest)
            assert files_of(archive) == 0
        except BaseException:
            kill_group(harvest)
            raise
    said, _ = harvest.communicate(timeout=300)
    assert harvest.returncode == 0, said
    assert files_of(archive) > 0
    counts = status(run)["surveys"]["sdss"]
    assert counts["failed"] == 0
    assert counts["done"] == len(stamps(run)) > 20


def files_of(archives):
    """Count the requests for frames."""
    return archives.stats()["sdss-sas"]["requests"]

"""A harvest that goes on from a copy of its ledger loses nothing."""

from __future__ import annotations

import hashlib

import pytest
from service import harvester, kill_group, stamps, start, wait_for

from harvester.places import Places
from harvester.status.report import read_report, unsettled

pytestmark = [pytest.mark.harvest, pytest.mark.long]


def _hashes(run):
    return {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest()
        for name in stamps(run)
    }


def test_resume_from_a_copy(archives, tmp_path):
    """Copied amid a harvest, the ledger is put back later: all comes to its end.

    The stamps that were made since are on disk and not in the copy. They are made
    again, with the same bytes.
    """
    out, copy = tmp_path / "out", tmp_path / "copy.sqlite"
    slow = {"HARVESTER__SERVICES__S3__RATE": "1"}
    process = start("run", archives.catalogue, "--out", out, *archives.flags(), **slow)
    try:
        wait_for(lambda: len(stamps(out)) > 10, process)
        made = harvester("backup", out, copy)
        assert process.poll() is None, "it was over before the copy was made"
    finally:
        kill_group(process)
    assert made.returncode == 0, made.stderr
    known = _stamps_in(copy, tmp_path)
    assert harvester("resume", out, *archives.flags()).returncode == 0
    whole = _hashes(out)
    assert len(whole) > known
    # Only the ledger is lost; all other files are there.
    for lost in out.glob("ledger.sqlite*"):
        lost.unlink()
    (out / "ledger.sqlite").write_bytes(copy.read_bytes())
    assert read_report(Places(out))["cutouts"] == known
    assert harvester("resume", out, *archives.flags()).returncode == 0
    assert unsettled(read_report(Places(out))) == 0
    assert _hashes(out) == whole
    final = harvester("verify", out, "--deep")
    assert final.returncode == 0, final.stdout
    assert "not in the ledger" not in final.stdout


def _stamps_in(copy, folder):
    run = folder / "only-the-copy"
    run.mkdir()
    (run / "ledger.sqlite").write_bytes(copy.read_bytes())
    return read_report(Places(run))["cutouts"]

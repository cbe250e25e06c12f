"""The bill against the truth of the harvest that follows."""

from __future__ import annotations

import json

import pytest
from service import harvester, status

pytestmark = pytest.mark.harvest

#: The hosts that images come from.
IMAGES = ("data.sdss.org", "s3.amazonaws.com")


def test_bill_and_truth(archives, tmp_path):
    """The bill is known before the first image, and the harvest asks for no more."""
    out, before = tmp_path / "out", archives.stats()
    done = harvester(
        "plan", archives.catalogue, "--out", out, "--json", *archives.flags()
    )
    assert done.returncode == 0, done.stderr
    bill = json.loads(done.stdout)
    after = archives.stats()
    for name in ("sdss-sas", "s3"):
        assert after[name]["requests"] == before[name]["requests"]
    assert bill["out"] == str(out)
    assert bill["surveys"]["sdss:r"]["covered"] == 60
    assert bill["disk"]["data_set"] > 60 * 14_400

    run = harvester("run", archives.catalogue, "--out", out, *archives.flags())
    assert run.returncode == 0, run.stderr
    truth = status(out)
    for host in IMAGES:
        asked = bill["hosts"][host]["requests"]
        # Frames of HST come by parts, and galaxies of one frame share some.
        least = 0.4 if host.startswith("s3") else 0.9
        assert least * asked <= truth["requests"][host] <= 1.1 * asked
        assert truth["bill"]["requests"][host] == asked
    # The sandbox has galaxies whose identifier names a frame that does not exist.
    billed = sum(truth["bill"]["frames"].values())
    assert truth["frames"].keys() == truth["bill"]["frames"].keys()
    assert sum(truth["frames"].values()) == pytest.approx(billed, rel=0.1)
    stamps = sum(path.stat().st_size for path in out.glob("cutouts/**/*.fits"))
    assert bill["disk"]["data_set"] == pytest.approx(stamps, rel=0.1)
    assert "(bill: " in harvester("status", out).stdout

    rest = json.loads(harvester("plan", out, "--json").stdout)
    assert sum(host["requests"] for host in rest["hosts"].values()) == 0


def test_nothing_left(archives, tmp_path):
    """Without a folder the bill is printed and nothing stays on the disk."""
    passing = tmp_path / "passing"
    passing.mkdir()
    words = ("plan", archives.catalogue, *archives.flags(), "--bandwidth", "1")
    done = harvester(*words, TMPDIR=str(passing))
    assert done.returncode == 0, done.stderr
    assert "60 targets" in done.stdout
    assert "because of bandwidth" in done.stdout
    assert list(passing.iterdir()) == []

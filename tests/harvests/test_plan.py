"""The bill, compared with the harvest that follows."""

from __future__ import annotations

import json

import pytest
from service import harvester, sandbox, status

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("sky", "options"),
    [
        (("--seed", "7", "--targets", "60"), ()),
        pytest.param(
            ("--seed", "7", "--targets", "60", "--per-field", "2"),
            (),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            ("--seed", "4", "--targets", "100", "--per-field", "3"),
            ("--size", "40px"),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_bill_and_truth(tmp_path, sky, options):
    """The bill is made before the first image byte, and is right to a tenth.

    Requests, files and bytes of each host, and the size of the data set. Only what
    follows from a frame that turns out missing is not known before: SkyServer is
    asked where its galaxies are.
    """
    out = tmp_path / "out"
    with sandbox(tmp_path, *sky) as archives:
        words = (archives.catalogue, "--out", out, *archives.flags(), *options)
        done = harvester("plan", *words, "--json")
        assert done.returncode == 0, done.stderr
        bill, planned, before = json.loads(done.stdout), archives.stats(), status(out)
        assert planned["sdss-sas"]["bytes_sent"] == planned["s3"]["bytes_sent"] == 0
        assert planned["sdss-sas"]["requests"] <= 5
        run = harvester("run", *words)
        assert run.returncode == 0, run.stderr
        truth = status(out)
        files = {
            archives.host(service): _files(archives, service) for service in IMAGES
        }
    assert truth["requests"].keys() <= {*files, archives.host("sdss-sky")}
    for host, count in files.items():
        asked, size = (
            truth[what].get(host, 0) - before[what].get(host, 0)
            for what in ("requests", "bytes")
        )
        billed = bill["hosts"][host]
        assert billed["requests"] == pytest.approx(asked, rel=0.1), host
        assert billed["bytes"] == pytest.approx(size, rel=0.1), host
        assert billed["files"] == pytest.approx(count, rel=0.1), host
        # The totals that `status` shows beside the bill.
        for what in ("requests", "bytes"):
            assert truth["bill"][what][host] == pytest.approx(
                truth[what][host], rel=0.1
            ), (host, what)
    assert truth["frames"].keys() == truth["bill"]["frames"].keys()
    for survey, frames in truth["frames"].items():
        assert truth["bill"]["frames"][survey] == pytest.approx(frames, rel=0.1)
    stamps = sum(path.stat().st_size for path in out.glob("cutouts/**/*.fits"))
    assert bill["disk"]["data_set"] == pytest.approx(stamps, rel=0.1)


#: The services that images come from.
IMAGES = ("sdss-sas", "s3", "mast")


def _files(archives, service):
    """Count the files that came, whole or by ranges."""
    visits = json.loads(archives.ask("/_log", service=service))
    return len(
        {
            visit["path"]
            for visit in visits
            if visit["method"] == "GET" and visit["is_file"] and visit["status"] < 300
        }
    )


def test_after_the_run(archives, tmp_path):
    """Status shows bill and real costs, and how SDSS was located."""
    out = tmp_path / "out"
    done = harvester("run", archives.catalogue, "--out", out, *archives.flags())
    assert done.returncode == 0, done.stderr
    said = harvester("status", out).stdout
    assert "(bill: " in said
    truth = status(out)
    # Two identifiers name fields far from their galaxies; all others are right.
    assert truth["located_by"]["sdss:r"] == {"crossid": 2, "identifier": 58}
    assert "58 by identifier (no request)" in said
    rest = json.loads(harvester("plan", out, "--json").stdout)
    assert sum(host["requests"] for host in rest["hosts"].values()) == 0
    assert rest["surveys"]["sdss:r"]["located_by"] == truth["located_by"]["sdss:r"]


def test_nothing_left(archives, tmp_path):
    """Without a folder the bill is printed, and no file is left."""
    passing = tmp_path / "passing"
    passing.mkdir()
    words = ("plan", archives.catalogue, *archives.flags(), "--bandwidth", "1")
    done = harvester(*words, TMPDIR=str(passing))
    assert done.returncode == 0, done.stderr
    assert "60 targets" in done.stdout
    assert "because of bandwidth" in done.stdout
    assert list(passing.iterdir()) == []

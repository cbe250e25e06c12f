"""One service of an archive fails while the others work, in whole harvests.

What the sick one is not needed for is done; the rest waits, and is done when it heals.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest
from astropy.io import fits
from hurried import Run, faults
from service import sandbox

from harvester.events import Note

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(600)]

SDSS, HST, ACS = "sdss:r", "hst:WFC3/IR:F160W", "hst:ACS/WFC:F814W"

#: Faults that replace every answer of an archive.
SICK = ["status=503", "down", pytest.param("html", marks=pytest.mark.thorough)]
REFUSALS = [
    "status=403",
    pytest.param("status=401", marks=pytest.mark.thorough),
    pytest.param("status=400", marks=pytest.mark.thorough),
    pytest.param("redirect=http://169.254.169.254/", marks=pytest.mark.thorough),
]


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve six galaxies in three fields, two of them without SDSS identifiers."""
    folder = tmp_path_factory.mktemp("archives")
    options = ("--seed", "11", "--targets", "6", "--per-field", "2")
    with sandbox(folder, *options) as running:
        listed = fits.getdata(running.catalogue)
        columns = [listed[name].ravel().tolist() for name in ("OBJID", "RA", "DEC")]
        path = folder / "named.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "ra", "dec"])
            for number, (name, ra, dec) in enumerate(zip(*columns, strict=True)):
                rows.writerow([name if number < 4 else f"NGC {number}", ra, dec])
        yield replace(running, catalogue=path)


@pytest.fixture(scope="module")
def undisturbed(archives, tmp_path_factory):
    """Give the stamps of a run without faults."""
    run = begun(
        archives, tmp_path_factory.mktemp("undisturbed") / "out", SDSS, HST, ACS
    )
    run.harvest()
    assert run.troubles == []
    return run.stamps()


def begun(archives, out, *surveys, **politeness):
    """Give a run of these surveys that does not wait long."""
    patience = {"attempts": 2, "patience_s": 1.5}
    run = Run(archives, out, *surveys, **patience | politeness)
    run.begin()
    return run


def of(undisturbed, *archives):
    """Give the stamps of some archives or bands."""
    return {
        place: one
        for place, one in undisturbed.items()
        if place.split("/")[1] in archives
    }


def statuses(run):
    """Give the number of galaxies in each state."""
    return Counter(row["status"] for row in run.rows())


@pytest.mark.parametrize("kind", [*SICK, *REFUSALS])
def test_skyserver_sick(archives, tmp_path, undisturbed, kind):
    """If SkyServer fails, frames that identifiers name are fetched all the same."""
    run = begun(archives, tmp_path / "out", SDSS)
    with faults(archives, f"{kind}@sdss-sky"):
        run.harvest()
    assert statuses(run) == {"done": 4, "pending": 2}
    assert len(run.troubles) == 1
    run.harvest()
    assert run.troubles == []
    assert run.stamps() == of(undisturbed, "sdss")


def test_skyserver_heals(archives, tmp_path, undisturbed):
    """A short outage of SkyServer is waited for; frames are fetched meanwhile."""
    run = begun(archives, tmp_path / "out", SDSS, patience_s=60)
    with faults(archives, "status=503@sdss-sky:times=6"):
        run.harvest()
    assert run.troubles == []
    assert run.stamps() == of(undisturbed, "sdss")


def missing_frame(run):
    """Give a fault: the frame that the identifier of the first galaxy names is missing.

    It stays missing: the host may be asked again before a missing file is believed.
    """
    with closing(sqlite3.connect(run.places.ledger)) as db:
        (name,) = db.execute(
            "SELECT name FROM product JOIN cutout ON product = number WHERE target = 0"
        ).fetchone()
    return f"notfound@sdss-sas/{name}"


@pytest.mark.parametrize("kind", ["status=403", "status=503", "html"])
def test_skyserver_sick_in_the_middle(archives, tmp_path, kind):
    """A galaxy whose frame is missing waits for SkyServer; others do not."""
    run = begun(archives, tmp_path / "out", SDSS)
    run.harvest(locate_only=True)
    with faults(archives, missing_frame(run), f"{kind}@sdss-sky"):
        run.harvest()
    assert set(statuses(run)) == {"done", "pending"}
    assert statuses(run)["done"] >= 3
    assert len(run.troubles) == 1


@pytest.mark.parametrize("kind", ["status=403", "status=503"])
def test_skyserver_refuses_once(archives, tmp_path, kind):
    """After a single refusal SkyServer is asked again in the same harvest."""
    run = begun(archives, tmp_path / "out", SDSS, attempts=3, patience_s=30)
    run.harvest(locate_only=True)
    with faults(archives, missing_frame(run), f"{kind}@sdss-sky:times=1"):
        run.harvest()
    assert run.troubles == []
    assert not statuses(run)["pending"] + statuses(run)["located"]


@pytest.mark.parametrize("kind", SICK)
def test_sas_sick(archives, tmp_path, undisturbed, kind):
    """If the SAS fails, SkyServer is still asked for all positions."""
    run = begun(archives, tmp_path / "out", SDSS)
    with faults(archives, f"{kind}@sdss-sas"):
        run.harvest()
    assert statuses(run) == {"located": 6}
    assert len(run.troubles) == 1
    run.harvest()
    assert run.stamps() == of(undisturbed, "sdss")


@pytest.mark.parametrize("kind", SICK)
def test_mast_queries_sick(archives, tmp_path, undisturbed, kind):
    """Files of a listed survey are fetched; a survey that is not listed waits."""
    run = begun(archives, tmp_path / "out", HST, ACS)
    # The first listing takes a count and a page.
    with faults(archives, f"{kind}@mast/invoke:after=2"):
        run.harvest()
    assert len(run.troubles) == 1
    done = {row["band"] for row in run.rows() if row["status"] != "pending"}
    assert done == {"F160W"}
    run.harvest()
    assert run.troubles == []
    assert run.stamps() == of(undisturbed, "hst")


@pytest.mark.parametrize("kind", [*SICK, "status=500", "status=403"])
@pytest.mark.parametrize("when", ["", ":after=3"])
def test_bucket_sick(archives, tmp_path, undisturbed, kind, when):
    """If the bucket fails, the files come from MAST, with the same pixels."""
    run = begun(archives, tmp_path / "out", HST, ACS, patience_s=3600)
    with faults(archives, f"{kind}@s3{when}"):
        run.harvest()
    assert run.troubles == []
    assert run.stamps() == of(undisturbed, "hst")
    assert not any(row["substitute"] for row in run.rows())


@pytest.mark.parametrize("kind", SICK)
def test_mast_files_sick(tmp_path_factory, tmp_path, kind):
    """If MAST gives no files, those in the bucket are fetched from there."""
    options = ("--seed", "7", "--targets", "20", "--per-image", "4")
    with sandbox(tmp_path_factory.mktemp("crowded"), *options) as archives:
        run = begun(archives, tmp_path / "out", HST)
        with faults(archives, f"{kind}@mast/Download"):
            run.harvest()
        assert len(run.troubles) == 1
        # For the other files no key in the bucket is known, or they are not there.
        assert set(statuses(run)) == {"done", "located", "no_coverage"}
        run.harvest()
        assert run.troubles == []
        assert not statuses(run)["located"]


def test_bucket_and_mast_sick(archives, tmp_path, undisturbed):
    """If both fail it is an outage, and no galaxy loses a try."""
    run = begun(archives, tmp_path / "out", HST)
    run.harvest(locate_only=True)
    with faults(archives, "down@s3", "status=503@mast/Download"):
        run.harvest()
    assert len(run.troubles) == 1
    said = [note.text for note in run.notes if isinstance(note, Note)]
    (stopped,) = [text for text in said if "fetching from a host stopped" in text]
    assert archives.host("mast") in stopped
    assert "failed" not in statuses(run)
    assert run.stamps() == {}
    run.harvest()
    assert run.troubles == []
    assert run.stamps() == {p: one for p, one in undisturbed.items() if "F160W" in p}


def test_sick_archive_beside_a_sound_one(archives, tmp_path, undisturbed):
    """An outage of all of MAST does not affect SDSS."""
    run = begun(archives, tmp_path / "out", SDSS, HST)
    with faults(archives, "down@mast"):
        run.harvest()
    assert of(run.stamps(), "sdss") == of(undisturbed, "sdss")
    assert len(run.troubles) == 1

"""Every way of fetching real frames gives the same stamps."""

from __future__ import annotations

import bz2
import json
import random
from collections import Counter

import pytest
from astropy.io import fits
from make_frames import sky_of
from service import harvester, sandbox, stamps, start, status, wait_for

from harvester.archives.kind import Way

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(600)]

#: Galaxies in each frame, and the counter of the frames that came in each way.
GALAXIES = 3

COUNTED = {
    Way.RANGES: "ranges",
    Way.STREAM: "stream",
    Way.EARLY: "early",
    Way.WHOLE: "whole",
}


@pytest.fixture(scope="module")
def frames(shared, tmp_path_factory):
    """Give a folder with three real frames, and a catalogue of galaxies in them."""
    folder = tmp_path_factory.mktemp("frames")
    chance, rows = random.Random(8), ["objid,ra,dec"]
    names = [
        "frame-r-001035-6-0017",
        "frame-r-002583-2-0136",
        "frame-r-003918-3-0213",
    ]
    for name in names:
        path = shared / "data/sdss" / f"{name}.fits.bz2"
        (folder / path.name).symlink_to(path)
        start = bz2.BZ2Decompressor().decompress(path.read_bytes(), 2880 * 20)
        header = fits.Header.fromstring(start)
        for number in range(GALAXIES):
            row = chance.randrange(20 + 480 * number, 480 * (number + 1))
            ra, dec = sky_of(header, chance.randrange(100, 1900), row)
            rows.append(f"{len(rows)},{ra:.7f},{dec:.7f}")
    catalogue = folder / "galaxies.csv"
    catalogue.write_text("\n".join(rows) + "\n")
    return folder, catalogue


@pytest.fixture(scope="module")
def archives(frames, tmp_path_factory):
    """Serve the frames."""
    folder = tmp_path_factory.mktemp("archives")
    with sandbox(folder, "--frames", frames[0]) as running:
        yield running


@pytest.fixture(scope="module")
def harvests(archives, frames, tmp_path_factory):
    """Give a function that harvests in a way: the stamps, the status, the visits."""
    known = {}

    def harvest(way, *more):
        if (way, more) not in known:
            known[way, more] = run(way, *more)
        return known[way, more]

    def run(way, *more):
        out = tmp_path_factory.mktemp(way) / "out"
        archives.ask("/_reset", body={})
        words = ("run", frames[1], "--out", out, "--survey", "sdss:r", *more)
        done = harvester(*words, *archives.flags(), HARVESTER__SDSS__WAY=way)
        assert done.returncode == 0, done.stdout + done.stderr
        stamps = {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.glob("cutouts/**/*.fits")
        }
        visits = json.loads(archives.ask("/_log", service="sdss-sas"))
        sent = sum(visit["sent"] for visit in visits)
        return stamps, status(out), sent

    return harvest


@pytest.mark.parametrize("way", [Way.RANGES, Way.STREAM, Way.EARLY])
def test_same_stamps(harvests, way):
    """Stamps are byte for byte those of whole frames, and no frame was doubtful."""
    stamps, told, _ = harvests(way)
    assert stamps == harvests(Way.WHOLE)[0]
    assert len(stamps) == 3 * GALAXIES
    assert told["ways"]["sdss:r"] == {COUNTED[way]: 3}
    assert told["doubts"]["sdss:r"] == {}


@pytest.fixture
def painted(tmp_path):
    """Give a function that harvests painted frames in some ways: stamps, status."""

    def harvest(ways, *options):
        sky = ("--seed", "45", "--targets", "14", "--per-field", "1")
        with sandbox(tmp_path, *sky, "--no-hst-images", *options) as served:
            words = ("run", served.catalogue, *served.flags(), "--survey", "sdss:r")
            return [one(words, tmp_path / way, way) for way in ways]

    def one(words, out, way):
        done = harvester(*words, "--out", out, HARVESTER__SDSS__WAY=way)
        assert done.returncode == 0, done.stdout + done.stderr
        stamps = {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.glob("cutouts/**/*.fits")
        }
        assert len(stamps) == 14
        return stamps, status(out)["ways"]["sdss:r"]

    return harvest


def test_painted_frames(painted):
    """Of painted frames some are doubtful; all stamps are those of whole frames."""
    (stamps, ways), (whole, _) = painted([Way.AUTO, Way.WHOLE])
    assert stamps == whole
    # The allowed rates are high, so that blocks are the quickest way at first.
    assert ways.keys() & {"ranges", "stream"}
    assert sum(ways.values()) == 14


def test_server_without_ranges(painted):
    """If the server gives no ranges, frames come as one stream; stamps are the same."""
    (stamps, ways), (whole, _) = painted(
        [Way.RANGES, Way.WHOLE], "--sas-ranges", "none"
    )
    assert stamps == whole
    # Frames that were in hand already when the first reply came count as asked for.
    assert sum(ways.values()) == 14
    assert ways.keys() <= {"early", "ranges"}
    assert ways["early"] >= 8


def ranged(archives):
    """Count the file requests so far, and those of them for a range."""
    visits = json.loads(archives.ask("/_log", service="sdss-sas"))
    files = [one for one in visits if one["is_file"] and one["method"] == "GET"]
    return len(files), sum(one["ranged"] for one in files)


def test_no_ranges_is_remembered(tmp_path):
    """A host that gave no ranges is not asked for one by a resume on the same day."""
    sky = ("--seed", "45", "--targets", "14", "--per-field", "1", "--no-hst-images")
    out, slow = tmp_path / "out", {"HARVESTER__SERVICES__SDSS_SAS__RATE": "2"}
    with sandbox(tmp_path, *sky, "--sas-ranges", "none") as served:
        words = ("run", served.catalogue, *served.flags(), "--survey", "sdss:r")
        first = start(*words, "--out", out, HARVESTER__SDSS__WAY="ranges", **slow)
        wait_for(lambda: stamps(out), first)
        first.terminate()
        first.communicate(timeout=60)
        assert len(stamps(out)) < 14
        assert ranged(served)[1] >= 1
        host = served.host("sdss-sas")
        assert status(out)["speeds"][host]["ranges"] is False
        assert f"{host}: " in harvester("plan", out).stdout
        served.ask("/_reset", body={})
        assert harvester("resume", out).returncode == 0
        files, ranges = ranged(served)
    assert len(stamps(out)) == 14
    assert (files > 0, ranges) == (True, 0)
    told = status(out)["speeds"][host]
    assert told["latency_s"] > 0
    assert told["bandwidth"] > 0


@pytest.mark.parametrize("way", [Way.RANGES, Way.STREAM])
def test_same_variance(harvests, way):
    """So are the inverse variances, for fewer bytes."""
    stamps, told, _ = harvests(way, "--planes", "flux,ivar,mask")
    assert stamps == harvests(Way.WHOLE, "--planes", "flux,ivar,mask")[0]
    assert told["doubts"]["sdss:r"] == {}


def test_blocks_ahead(shared, tmp_path):
    """One band tells the rows of others: the right blocks are fetched at once."""
    folder, bands = tmp_path / "frames", "ugriz"
    folder.mkdir()
    for band in bands:
        name = f"frame-{band}-003918-3-0213.fits.bz2"
        (folder / name).symlink_to(shared / "data/sdss" / name)
    start = bz2.BZ2Decompressor().decompress((folder / name).read_bytes(), 2880 * 20)
    ra, dec = sky_of(fits.Header.fromstring(start), 900, 610)
    catalogue = tmp_path / "galaxy.csv"
    catalogue.write_text(f"objid,ra,dec\n1,{ra:.7f},{dec:.7f}\n")
    stamps, words = {}, ("run", catalogue, "--survey", f"sdss:{','.join(bands)}")
    with sandbox(tmp_path, "--frames", folder, "--sas-ranges", "one") as running:
        for way in (Way.RANGES, Way.WHOLE):
            out = tmp_path / way
            # One request at a time, so that some frames come after others were cut.
            how = {
                "HARVESTER__SDSS__WAY": way,
                "HARVESTER__SERVICES__SDSS_SAS__FILES": "1",
            }
            done = harvester(*words, "--out", out, *running.flags(), **how)
            assert done.returncode == 0, done.stdout + done.stderr
            stamps[way] = {
                str(path.relative_to(out)): path.read_bytes()
                for path in out.glob("cutouts/**/*.fits")
            }
    assert len(stamps[Way.RANGES]) == len(bands)
    assert stamps[Way.RANGES] == stamps[Way.WHOLE]
    told = status(tmp_path / Way.RANGES)
    ahead = Counter()
    for each in told["ahead"].values():
        ahead.update(each)
    assert ahead["enough"] >= 1
    # In the i band a block lies farther from its usual place than is fetched around it.
    assert ahead.keys() <= {"enough", "short"}
    assert ahead["short"] <= 1
    assert not any(told["doubts"].values())


def test_fewer_bytes(harvests):
    """By ranges fewer bytes are sent than by any other way."""
    sent = {way: harvests(way)[2] for way in COUNTED}
    assert sent[Way.RANGES] < 0.75 * sent[Way.WHOLE]

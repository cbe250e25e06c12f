from __future__ import annotations

import io
import json

import numpy as np
import pytest
from page_run import write_stamp
from PIL import Image

from harvester.status.page.latest_stamps import latest_stamps
from harvester.status.page.shown_run import shown_runs


@pytest.fixture
def places(write_ledger, tmp_path):
    """Return a run whose stamps are in two folders, written in another order."""
    made = write_ledger(tmp_path / "zoo", 1_060, done=0, no_coverage=0)
    for target in (3, 1_005, 2, 1_001):
        write_stamp(made, target, at=1_000_000 + target)
    return made


def shown(places):
    """Return the stamps that the page shows."""
    return latest_stamps(shown_runs([places])[0])


def test_order(places):
    """The stamps that were written last come first, from whatever folder."""
    assert [one["id"] for one in shown(places)] == ["g1005", "g1001", "g0003", "g0002"]
    assert shown(places)[0]["name"] == "SDSS r"


def test_bounded(places):
    """Only the last ones are given."""
    for target in range(10, 50):
        write_stamp(places, target, at=2_000_000 + target)
    assert [one["id"] for one in shown(places)] == [
        f"g{n:04d}" for n in range(49, 25, -1)
    ]


def test_unknown_files(places):
    """Files that the ledger does not know are not shown, and no error."""
    folder = places.out / "cutouts/sdss/r/0000"
    (folder / "stranger.fits").touch()
    (folder / "g0004.fits.part").touch()
    (places.out / "cutouts/other").mkdir()
    (places.out / "cutouts/link").symlink_to(folder)
    assert len(shown(places)) == 4


def test_no_stamps(write_ledger, tmp_path):
    """A run without a stamp shows none."""
    assert shown(write_ledger(tmp_path / "new")) == []


async def test_picture(page_of, ask, places):
    """The picture of a stamp is bright where the galaxy is."""
    page = await page_of(places)
    path = "api/0/stamp?survey=0&target=3&band=r&product=0"
    reply, body = await ask(page, path)
    assert (reply.status, reply.content_type) == (200, "image/jpeg")
    pixels = np.asarray(Image.open(io.BytesIO(body)).convert("L"), float)
    assert pixels.shape == (128, 128)
    assert pixels[56:72, 56:72].mean() > 200
    assert pixels[:20, :20].mean() < 90


@pytest.mark.parametrize(
    "query",
    ["survey=0&target=4&band=r&product=0", "survey=9&target=3&band=r&product=0"],
)
async def test_no_picture(page_of, ask, places, query):
    """Only stamps of the ledger have pictures, whatever files there are."""
    reply, _ = await ask(await page_of(places), f"api/0/stamp?{query}")
    assert reply.status == 404


async def test_lost_file(page_of, ask, places):
    """A file that is lost is an error in words."""
    (places.out / "cutouts/sdss/r/0000/g0003.fits").unlink()
    page = await page_of(places)
    reply, body = await ask(page, "api/0/stamp?survey=0&target=3&band=r&product=0")
    assert (reply.status, "g0003" in json.loads(body)["error"]) == (503, True)

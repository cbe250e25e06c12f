"""A harvest of SDSS in all bands: galaxies are where the manifest says."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from sdss_cuttings import off_centre
from service import harvester, sandbox

from harvester.sandbox.paint_sdss import _light
from harvester.sandbox.scans import FieldKey
from harvester.sandbox.sky import Sky

pytestmark = [
    pytest.mark.harvest,
    pytest.mark.long,
    pytest.mark.timeout(900),
    # The survey's DATE-OBS has no time; astropy warns about it for every frame.
    pytest.mark.filterwarnings("ignore:.*datfix"),
]

SEED, TARGETS, PER_FIELD = 4, 110, 55


@pytest.fixture(scope="module")
def harvested(tmp_path_factory):
    """Harvest a sky in five bands; give the folder, and the rows of whole stamps."""
    folder = tmp_path_factory.mktemp("places")
    options = ("--seed", SEED, "--targets", TARGETS, "--per-field", PER_FIELD)
    with sandbox(folder, *map(str, options), "--no-hst-images") as served:
        words = (served.catalogue, "--out", folder / "out", *served.flags())
        done = harvester("run", *words, "--survey", "sdss:u,g,r,i,z")
        assert done.returncode == 0, done.stdout + done.stderr
    rows = pq.read_table(folder / "out" / "manifest.parquet").to_pylist()
    assert len(rows) == 5 * TARGETS
    whole = [row for row in rows if row["coverage"] == 1 and not row["filled_from"]]
    assert len(whole) > 500
    return folder / "out", whole


def frame_of(row):
    """Give the field and the band of a stamp's frame."""
    _, band, *numbers = row["product"].split(".")[0].split("-")
    return FieldKey(*map(int, numbers)), band


def test_places(harvested):
    """The manifest and the header of each stamp name the pixel that was painted."""
    out, rows = harvested
    sky = Sky.make(SEED, TARGETS, PER_FIELD, hst_images=False)
    for row in rows:
        key, band = frame_of(row)
        x, y = sky.fields[key].tangent(band).to_pixel(row["ra"], row["dec"])
        painted = np.array([x - row["x0"], y - row["y0"]])
        wcs = WCS(fits.getheader(out / row["file_loc"]))
        (header,) = wcs.all_world2pix([(row["ra"], row["dec"])], 0)
        assert np.hypot(row["x"] - painted[0], row["y"] - painted[1]) < 0.001
        assert np.hypot(*(header - painted)) < 0.001


def test_centring(harvested):
    """In each band the light as painted is centred to 0.2 px in 95 % of all stamps."""
    sky = Sky.make(SEED, TARGETS, PER_FIELD, hst_images=False)
    lights, off = {}, {band: [] for band in "ugriz"}
    for row in harvested[1]:
        key, band = frame_of(row)
        if (key, band) not in lights:
            lights[key, band] = _light(sky, sky.fields[key], band)
        rows, columns = (
            slice(row[first], row[first] + row[size])
            for first, size in (("y0", "ny"), ("x0", "nx"))
        )
        stamp = lights[key, band][rows, columns].astype(float)
        off[band].append(off_centre(stamp, row["x"], row["y"]))
    for band, distances in off.items():
        assert len(distances) > 90, band
        assert np.percentile(distances, 95) < 0.2, band

"""The gallery of a real galaxy: its bands lie on one another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from service import harvester

from harvester.dataset.gallery.chunks import read_chunk
from harvester.dataset.gallery.galaxies import GalaxyTable
from harvester.dataset.gallery.north_up import Placement, north_up
from harvester.dataset.gallery.tiles import SIDE
from harvester.dataset.stamp_reader import read_stamp

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: Arcsec; the width of a pixel of SDSS, and the radius in which the light is weighed.
_PIXEL, _RADIUS = 0.396, 2.5


def _centroid(plane, field):
    """Return where the light of the middle is, in arcsec from it."""
    places = (np.arange(len(plane)) - (len(plane) - 1) / 2) * field / len(plane)
    light = np.where(np.hypot.outer(places, places) < _RADIUS, plane, 0)
    rows, columns = light.sum(axis=1) @ places, light.sum(axis=0) @ places
    return rows / light.sum(), columns / light.sum()


def test_bands_lie_on_one_another(real_run):
    """The centroids of the bands agree to a fifth of a pixel, so no dipole is seen.

    In these frames stars lie up to a tenth of a pixel from where the WCS of another
    band has them, and a galaxy has another shape in each band.
    """
    (galaxy,) = GalaxyTable(real_run.out)
    places = []
    for row in galaxy.rows:
        flux = read_stamp(real_run.out / row["file_loc"]).flux
        plane, _ = north_up(flux - np.median(flux), Placement.from_row(row), 12, 240)
        places.append(_centroid(plane, 12))
    # Whole pixels of the frames lie differently on the galaxy.
    phases = [[row["x"] % 1, row["y"] % 1] for row in galaxy.rows]
    assert np.ptp(phases, axis=0).max() > 0.3
    assert np.ptp(places, axis=0).max() < 0.2 * _PIXEL


def test_picture_in_colour(real_run):
    """The gallery has it in colour before the bands, which are in order."""
    done = harvester("gallery", real_run.out)
    assert done.returncode == 0, done.stderr
    (record,), picture = read_chunk(real_run.out, 0)
    names = [tile["name"] for tile in record["tiles"]]
    assert names == ["SDSS gri", "SDSS g", "SDSS r", "SDSS i"]
    middle = picture.crop((0, 0, SIDE, SIDE)).resize((5, 5), Image.Resampling.BOX)
    bright = np.asarray(middle.convert("L"), int)
    assert bright[2, 2] > bright[0].max() + 30

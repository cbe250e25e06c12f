"""Where stamps of SDSS say that the galaxy is, against where it was painted."""

from __future__ import annotations

from itertools import product as pairs
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from sdss_cuttings import cuttings, fullest_fields, off_centre, painted_blob

from harvester.sandbox import paint_sdss
from harvester.sandbox.sas import frame_name
from harvester.sandbox.sky import Sky

# The survey's DATE-OBS has no time; astropy warns about it for every frame.
pytestmark = pytest.mark.filterwarnings("ignore:.*datfix")


class Placed(NamedTuple):
    """A stamp of a galaxy that was painted without noise; distances in pixels."""

    band: str
    #: From the painted place to the stated one, and to that of the stamp's header.
    stated: float
    header: float
    #: From the middle of the light to the stated place.
    light: float


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """Cut the galaxies of seven fields in five bands, painted without noise."""
    sky, root = Sky.make(4, targets=600), tmp_path_factory.mktemp("quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paint_sdss, "_noise", lambda *_: np.zeros_like(_[-1]))
        return [
            one
            for key, band in pairs(fullest_fields(sky, 7), "ugriz")
            for one in place(sky, key, band, root)
        ]


def place(sky, key, band, root):
    """Compare the places of the galaxies of a frame."""
    path, galaxies = root / "frame.fits", sky.galaxies_in_field(key)
    path.write_bytes(paint_sdss.sdss_frame(sky, key, band))
    places = [(one.ra, one.dec) for one in galaxies]
    for cut in cuttings(path, frame_name(key, band), places, root):
        blob = painted_blob(sky, key, band, galaxies[cut.place])
        x, y = cut.facts.x, cut.facts.y
        off = np.array([blob.x - cut.facts.x0, blob.y - cut.facts.y0])
        (seen,) = WCS(fits.getheader(cut.path)).all_world2pix([places[cut.place]], 0)
        stated, header = (np.hypot(*(at - off)) for at in ((x, y), seen))
        yield Placed(band, stated, header, off_centre(cut.flux, x, y))


def test_painted_places(placed):
    """All of 500 galaxies were painted where the facts and the header say."""
    assert len(placed) > 500
    assert max(one.stated for one in placed) < 0.001
    assert max(one.header for one in placed) < 0.001


@pytest.mark.parametrize("band", "ugriz")
def test_centring(placed, band):
    """Without noise the light's middle is within 0.05 px of the stated place, in 95 %.

    All stamps count, however faint. What remains is the light of stars and of other
    galaxies, and rounding: the pixels of a frame are whole counts.
    """
    off = [one.light for one in placed if one.band == band]
    assert len(off) > 100
    assert np.percentile(off, 95) < 0.05

"""Fluxes, noise and places of SDSS stamps against painted and real frames.

Places without noise are in ``test_sdss_places.py``.
"""

from __future__ import annotations

from itertools import product as pairs
from typing import NamedTuple

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from photutils.aperture import (
    CircularAperture,
    SkyCircularAperture,
    aperture_photometry,
)
from scipy.ndimage import maximum_filter
from sdss_cuttings import SIDE, cuttings, fullest_fields, painted_blob

from harvester.models import Bit
from harvester.sandbox import paint_sdss, sersic
from harvester.sandbox.sas import frame_name
from harvester.sandbox.sky import Sky

# The survey's DATE-OBS has no time; astropy warns about it for every frame.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:.*datfix")]

# -- painted frames ------------------------------------------------------------


class Measured(NamedTuple):
    """A stamp of a painted galaxy against the truth."""

    band: str
    #: Error of the flux within 6 pixels in units of its noise.
    pull: float
    #: Pixels from the stated place to the fitted one, and the errors of the fit.
    offset: np.ndarray
    error: np.ndarray


@pytest.fixture(scope="module")
def sky():
    """Make a sky with many galaxies in a field."""
    return Sky.make(4, targets=600)


@pytest.fixture(scope="module")
def measured(sky, tmp_path_factory):
    """Measure the galaxies of seven fields in five bands."""
    root = tmp_path_factory.mktemp("painted")
    return [
        one
        for key, band in pairs(fullest_fields(sky, 7), "ugriz")
        for one in measure(sky, key, band, root)
    ]


def painted(sky, key, band, root):
    """Write a painted frame; give its path, and its light without noise and sky."""
    path = root / "frame.fits"
    path.write_bytes(paint_sdss.sdss_frame(sky, key, band))
    return path, paint_sdss._light(sky, sky.fields[key], band)


def measure(sky, key, band, root):
    """Measure the galaxies of a frame."""
    path, light = painted(sky, key, band, root)
    galaxies = sky.galaxies_in_field(key)
    places = [(galaxy.ra, galaxy.dec) for galaxy in galaxies]
    for cut in cuttings(path, frame_name(key, band), places, root):
        near = cut.distance() < 6
        noise = np.sqrt((1 / cut.ivar[near].astype(float)).sum())
        truth = light[cut.window][near].sum(dtype=float)
        error = cut.flux[near].sum(dtype=float) - truth
        blob = painted_blob(sky, key, band, galaxies[cut.place])
        yield Measured(band, error / noise, *fitted(cut, blob, light))


def fitted(cut, blob, light):
    """Fit a galaxy's own profile around its stated place, by pixels and their ivar.

    Give its offset in pixels and the errors of that, each as ``(x, y)``.
    """
    x, y = cut.facts.x, cut.facts.y
    truth = alone(blob, blob.x - cut.facts.x0, blob.y - cut.facts.y0)
    others = light[cut.window] - truth
    slopes = [
        (alone(blob, x + dx, y + dy) - alone(blob, x - dx, y - dy)) / 0.5
        for dx, dy in ((0.25, 0), (0, 0.25))
    ]
    model = np.array([alone(blob, x, y), *slopes]).reshape(3, -1)
    weighted = model * cut.ivar.astype(float).ravel()
    covariance = np.linalg.inv(weighted @ model.T)
    fit = covariance @ (weighted @ (cut.flux - others).ravel())
    return fit[1:], np.sqrt(np.diag(covariance))[1:]


def alone(blob, x, y):
    """Paint a galaxy at a place of an empty stamp."""
    stamp = np.zeros((SIDE, SIDE), np.float32)
    sersic.add(stamp, blob._replace(x=x, y=y))
    return stamp.astype(float)


def test_painted_fluxes(measured):
    """Of 500 stamps, 95 % have the painted flux within two sigma of their ivar."""
    pulls = np.array([one.pull for one in measured])
    assert len(pulls) > 500
    assert (np.abs(pulls) < 2).mean() >= 0.95
    assert np.std(pulls) == pytest.approx(1, abs=0.06)
    assert {one.band for one in measured} == set("ugriz")


@pytest.mark.parametrize("band", "ugriz")
def test_centring(measured, band):
    """Fitted in noisy stamps, places scatter about the stated ones as the ivar says.

    So what a measurement finds is its noise: 0.35 px for the faint ones in u.
    """
    offsets, errors = (
        np.array([one[n] for one in measured if one.band == band]) for n in (2, 3)
    )
    assert len(offsets) > 100
    pulls = offsets / errors
    assert abs(pulls.mean()) < 0.2
    assert 0.85 < pulls.std() < 1.15
    weights = errors**-2.0
    assert np.abs((weights * offsets).sum(axis=0) / weights.sum(axis=0)).max() < 0.01
    assert np.percentile(np.hypot(*offsets.T), 95) < (0.5 if band == "u" else 0.2)


@pytest.mark.parametrize("band", "ugriz")
def test_blank_painted_sky(sky, band, tmp_path):
    """Where nothing was painted the pixels are as far from 0 as the ivar says."""
    key = list(sky.fields)["ugriz".index(band) * 5]
    path, light = painted(sky, key, band, tmp_path)
    spots = pairs(range(100, 1950, 150), range(100, 1400, 150))
    places = [sky.fields[key].tangent(band).to_sky(x, y) for x, y in spots]
    cut = list(cuttings(path, frame_name(key, band), places, tmp_path))
    square = [
        (each.flux**2 * each.ivar)[light[each.window] == 0].astype(float)
        for each in cut
    ]
    assert len(np.concatenate(square)) > 50_000
    assert 0.9 < np.concatenate(square).mean() < 1.1


# -- real frames ---------------------------------------------------------------

FRAMES = (
    *("g-001043-5-0025", "g-003918-3-0213", "i-001043-5-0025", "i-003918-3-0213"),
    *("i-005405-6-0099", "r-001035-6-0017", "r-001043-5-0025", "r-002583-2-0136"),
    *("r-003918-3-0213", "r-008162-6-0080", "u-003918-3-0213", "u-008162-6-0080"),
    "z-003918-3-0213",
)


@pytest.fixture(params=FRAMES)
def real(request, shared, unpacked):
    """Give a real frame: its path, its pixels, its WCS, and positions of bright peaks.

    They are read by astropy alone.
    """
    path = shared / "data/sdss" / f"frame-{request.param}.fits.bz2"
    with fits.open(unpacked(path.name)) as hdus:
        image, wcs = hdus[0].data.astype(float), WCS(hdus[0].header)
        brightest = (image == maximum_filter(image, 31)) & (image > 0)
        peaks = np.argwhere(brightest)
        peaks = peaks[np.argsort(-image[brightest])][:40]
        places = np.transpose(wcs.all_pix2world(peaks[:, ::-1], 0).T)
    return path, image, wcs, places


def test_fluxes_by_photutils(real, tmp_path):
    """Photutils measures the same flux at a sky position in the frame and in a stamp.

    In the frame it uses astropy's WCS, in the stamp the place that its facts state.
    """
    path, image, wcs, places = real
    cut = list(cuttings(path, path.name, places, tmp_path))
    assert len(cut) > 20
    spots = SkyCoord(*places[[one.place for one in cut]].T, unit="deg")
    on_sky = SkyCircularAperture(spots, r=2 * u.arcsec)
    in_frame = aperture_photometry(image, on_sky, wcs=wcs)["aperture_sum"]
    for one, expected in zip(cut, in_frame, strict=True):
        radius = 2 / one.facts.pixel_scale
        on_stamp = CircularAperture((one.facts.x, one.facts.y), r=radius)
        (found,) = aperture_photometry(one.flux.astype(float), on_stamp)["aperture_sum"]
        assert found == pytest.approx(expected, rel=0.01)


def test_saturated_cores(shared, unpacked, tmp_path):
    """Pixels above the well depth of a real frame are marked, and only these."""
    name = "frame-r-001035-6-0017.fits.bz2"
    with fits.open(unpacked(name)) as hdus:
        image, wcs = hdus[0].data.astype(float), WCS(hdus[0].header)
        level = 50_000 * hdus[0].header["NMGY"]
    full = np.argwhere(image >= level)
    assert len(full) > 10
    (place,) = wcs.all_pix2world(full[:1, ::-1], 0)
    (cut,) = cuttings(shared / "data/sdss" / name, name, [place], tmp_path)
    marked = (cut.mask & Bit.SATURATED) != 0
    assert np.array_equal(marked, cut.flux >= level)
    assert marked.any()
    assert not (cut.mask[marked] & Bit.GOOD).any()
    assert (cut.mask[~marked] == Bit.GOOD).all()
    assert (cut.ivar > 0).all()

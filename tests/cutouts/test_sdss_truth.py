"""Fluxes, noise and places of SDSS stamps against painted and real frames."""

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

from harvester.cutouts.cutouts import cut_frame
from harvester.dataset.stamp_reader import read_stamp
from harvester.models import (
    Bit,
    CutoutSpec,
    FrameJob,
    Plane,
    Product,
    StampFacts,
    StampSize,
    Wanted,
)
from harvester.sandbox import paint_sdss
from harvester.sandbox.sas import frame_name
from harvester.sandbox.sky import Sky

# The survey's DATE-OBS has no time; astropy warns about it for every frame.
pytestmark = pytest.mark.filterwarnings("ignore:.*datfix")

SIDE = 40
SPEC = CutoutSpec(StampSize.parse(f"{SIDE}px"), "partial", tuple(Plane))


class Cutting(NamedTuple):
    """A stamp with all its pixels in the frame, and where it was cut."""

    place: int
    flux: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    facts: StampFacts

    def distance(self):
        """Give the distance of each pixel from the target."""
        y, x = np.mgrid[:SIDE, :SIDE]
        return np.hypot(x - self.facts.x, y - self.facts.y)

    @property
    def window(self):
        """The pixels of the stamp in the frame."""
        x, y = self.facts.x0, self.facts.y0
        return slice(y, y + SIDE), slice(x, x + SIDE)


def cuttings(path, name, places, root):
    """Cut stamps at sky positions out of a frame; leave out those over an edge."""
    wanted = tuple(
        Wanted(n, str(n), ra, dec, f"{name}/s{n}.fits")
        for n, (ra, dec) in enumerate(places)
    )
    offer = Product("sdss", name, name[6], f"https://archive.example/{name}")
    for receipt in cut_frame(FrameJob(offer, str(path), str(root), wanted, SPEC)):
        if not receipt.problem and receipt.coverage == 1:
            stamp = read_stamp(root / receipt.file_loc)
            planes = stamp.flux, stamp.ivar, stamp.mask
            yield Cutting(receipt.target, *planes, receipt.facts)


# -- painted frames ------------------------------------------------------------


class Measured(NamedTuple):
    """A stamp of a painted galaxy against the truth."""

    band: str
    #: Error of the flux within 6 pixels in units of its noise, and that flux itself.
    pull: float
    signal: float
    #: Pixels from the stated place of the galaxy to the middle of its light.
    off: float


@pytest.fixture(scope="module")
def sky():
    """Make a sky with many galaxies in a field."""
    return Sky.make(4, targets=600)


@pytest.fixture(scope="module")
def measured(sky, tmp_path_factory):
    """Measure the galaxies of seven fields in five bands."""
    fields = sorted(sky.fields, key=lambda f: -len(sky.galaxies_in_field(f)))[:7]
    root = tmp_path_factory.mktemp("painted")
    return [
        one
        for key, band in pairs(fields, "ugriz")
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
    places = [(galaxy.ra, galaxy.dec) for galaxy in sky.galaxies_in_field(key)]
    for cut in cuttings(path, frame_name(key, band), places, root):
        near = cut.distance() < 6
        noise = np.sqrt((1 / cut.ivar[near].astype(float)).sum())
        truth = light[cut.window][near].sum(dtype=float)
        error = cut.flux[near].sum(dtype=float) - truth
        yield Measured(band, error / noise, truth / noise, off_centre(cut))


def off_centre(cut):
    """Give the distance of a galaxy's middle from its stated place, in pixels."""
    y, x = np.mgrid[:SIDE, :SIDE]
    column, row = cut.facts.x, cut.facts.y
    for _ in range(10):
        weight = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 2.5**2)) * cut.flux
        # Twice: the window pulls the middle half of the way back.
        column += 2 * (weight * (x - column)).sum() / weight.sum()
        row += 2 * (weight * (y - row)).sum() / weight.sum()
    return np.hypot(column - cut.facts.x, row - cut.facts.y)


def test_painted_fluxes(measured):
    """Of 500 stamps, 95 % have the painted flux within two sigma of their ivar."""
    pulls = np.array([one.pull for one in measured])
    assert len(pulls) > 500
    assert (np.abs(pulls) < 2).mean() >= 0.95
    assert np.std(pulls) == pytest.approx(1, abs=0.06)
    assert {one.band for one in measured} == set("ugriz")


def test_centring(measured):
    """The galaxy is where the facts of the stamp say, within a fifth of a pixel."""
    clear = [one.off for one in measured if one.signal > 30]
    assert len(clear) > 400
    assert np.percentile(clear, 95) < 0.2


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
def real(request, shared):
    """Give a real frame: its path, its pixels, its WCS, and positions of bright peaks.

    They are read by astropy alone.
    """
    path = shared / "data/sdss" / f"frame-{request.param}.fits.bz2"
    with fits.open(path) as hdus:
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


def test_saturated_cores(shared, tmp_path):
    """Pixels above the well depth of a real frame are marked, and only these."""
    name = "frame-r-001035-6-0017.fits.bz2"
    with fits.open(shared / "data/sdss" / name) as hdus:
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

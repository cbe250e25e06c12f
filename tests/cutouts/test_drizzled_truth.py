"""Stamps of drizzled images against what was painted: flux, noise and place."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from harvester.cutouts.cutouts import cut_frame
from harvester.dataset.stamp_reader import read_stamp
from harvester.models import (
    Bit,
    CutoutSpec,
    FrameJob,
    Plane,
    Product,
    StampSize,
    Wanted,
)
from harvester.sandbox import paint_hst
from harvester.sandbox.jwst import paint as paint_jwst
from harvester.sandbox.jwst.cards import Edition
from harvester.sandbox.jwst.mosaic import Size
from harvester.sandbox.lazy_file import BandCache
from harvester.sandbox.sky import Sky

# Headers of drizzled images have dates that astropy mends.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:.*datfix")]

PLANES = (Plane.FLUX, Plane.IVAR, Plane.MASK, Plane.PSF)
#: Pixels; the radius of an aperture.
RADIUS = 12
#: Bits of pixels without a value.
BAD = Bit.OUTSIDE | Bit.NO_DATA


class Image(NamedTuple):
    """A painted file, and the light in it before noise was added."""

    archive: str
    name: str
    band: str
    content: bytes
    light: np.ndarray
    #: ICRS degrees of the galaxies.
    places: list[tuple[float, float]]


class Found(NamedTuple):
    """A stamp, its facts, and the light that was painted in it."""

    planes: object
    facts: object
    light: np.ndarray

    @property
    def good(self):
        """Mask of the pixels that can be used."""
        return (self.planes.mask & Bit.GOOD) > 0

    @property
    def chi_square(self):
        """The reduced chi-square of the noise in usable pixels."""
        off = (self.planes.flux - self.light)[self.good]
        return float(np.mean(off.astype(float) ** 2 * self.planes.ivar[self.good]))

    def pull(self):
        """Compare the sum in an aperture with the truth, in standard deviations."""
        ny, nx = self.light.shape
        y, x = np.mgrid[:ny, :nx]
        inside = np.hypot(x - self.facts.x, y - self.facts.y) < RADIUS
        if not self.good[inside].all():
            return None
        off = (self.planes.flux - self.light)[inside].sum(dtype=float)
        spread = np.sqrt((1 / self.planes.ivar[inside].astype(float)).sum())
        return off / (spread * self.facts.corr_noise)


def hst_images(sky):
    """Paint all HST images of a sky."""
    for obs in sky.observations:
        galaxies = sky.galaxies_in_observation(obs)
        places = [(one.ra, one.dec) for one in galaxies]
        content, light = paint_hst.drz(sky, obs), paint_hst.light(sky, obs)
        yield Image("hst", obs.filename, obs.filters, content, light, places)


def jwst_images(sky):
    """Paint the NIRCam mosaics of a sky."""
    for obs in sky.jwst:
        if obs.mosaic is None or not obs.instrument.startswith("NIRCAM"):
            continue
        edition = Edition(0, obs.cal_ver)
        file = paint_jwst.i2d(sky, obs, edition, BandCache())
        painter = paint_jwst._Painter(sky, obs, obs.mosaic, edition)
        light = painter._light(0, obs.mosaic.ny)
        places = [(one.ra, one.dec) for one in sky.galaxies_in_mosaic(obs.mosaic)]
        band = obs.passband.filters.partition(";")[0]
        content = file.read(0, file.size)
        yield Image("jwst", obs.filename, band, content, light, places)


def cut(image, places, folder, size):
    """Cut stamps of an image at some places; give those that are on disk."""
    path = folder / image.name
    path.write_bytes(image.content)
    wanted = tuple(
        Wanted(n, f"{n}", ra, dec, f"stamps/{n}.fits")
        for n, (ra, dec) in enumerate(places)
    )
    product = Product(
        image.archive, image.name, image.band, "https://archive.example/x"
    )
    spec = CutoutSpec(StampSize(size, "px"), planes=PLANES)
    receipts = cut_frame(FrameJob(product, str(path), str(folder), wanted, spec))
    path.unlink()
    for receipt in receipts:
        if not receipt.problem:
            yield found(image, receipt, folder)


def found(image, receipt, folder):
    """Read a stamp, and the light at its place."""
    facts = receipt.facts
    light = np.full((facts.ny, facts.nx), np.nan, np.float32)
    ny, nx = image.light.shape
    rows = slice(max(0, facts.y0), min(ny, facts.y0 + facts.ny))
    columns = slice(max(0, facts.x0), min(nx, facts.x0 + facts.nx))
    light[
        rows.start - facts.y0 : rows.stop - facts.y0,
        columns.start - facts.x0 : columns.stop - facts.x0,
    ] = image.light[rows, columns]
    return Found(read_stamp(folder / receipt.file_loc), facts, light)


def empty_places(image, count, size):
    """Draw places around which hardly any light was painted: ICRS degrees."""
    rng, places = np.random.default_rng(1), []
    with fits.open(io.BytesIO(image.content)) as hdus:
        wcs, seen = WCS(hdus["SCI"].header), hdus["WHT"].data > 0
    sky, half = float(np.median(image.light)), size // 2
    for y, x in rng.integers(half, np.array(seen.shape) - half, (60 * count, 2)):
        box = np.s_[y - half : y + half, x - half : x + half]
        if seen[box].mean() > 0.9 and (image.light[box] - sky).max() < 0.05:
            places.append(tuple(map(float, wcs.all_pix2world(x, y, 0))))
    return places[:count]


def centring(stamp):
    """Measure how far the light's centre is from the stated place, in pixels."""
    ny, nx = stamp.light.shape
    v, u = np.mgrid[:ny, :nx]
    flux = np.where(stamp.good, stamp.planes.flux, 0).astype(float)
    flux -= np.median(flux)
    x, y = stamp.facts.x, stamp.facts.y
    flux *= np.exp(-0.5 * ((u - x) ** 2 + (v - y) ** 2) / 3**2)
    total = flux.sum()
    return np.hypot((flux * u).sum() / total - x, (flux * v).sum() / total - y)


class Sample(NamedTuple):
    """Stamps of one archive."""

    galaxies: list[Found]
    #: Where hardly any light was painted.
    empty: list[Found]

    @classmethod
    def of(cls, images, folder, size):
        """Cut stamps of images."""
        galaxies, empty = [], []
        for image in images:
            galaxies += cut(image, image.places, folder, size)
            empty += cut(image, empty_places(image, 3, size), folder, size)
        return cls(galaxies, empty)


@pytest.fixture(scope="module", params=["hst", "jwst"])
def sample(request, tmp_path_factory):
    """Paint a sky that HST or JWST has observed, and cut at least 500 stamps."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "hst":
        sky = Sky.make(5, targets=320, per_image=24)
        return Sample.of(hst_images(sky), folder, 64)
    sky = Sky.make(5, 160, per_image=24, hst_images=False, jwst=Size.SMALL)
    return Sample.of(jwst_images(sky), folder, 40)


def pulls(stamps):
    """Give the pulls of apertures without bad pixels."""
    return np.array([one for one in (stamp.pull() for stamp in stamps) if one])


def test_flux(sample):
    """Of 500 fluxes 95 % are within two standard deviations of the truth."""
    found = pulls(sample.galaxies)
    assert len(found) >= 500
    assert np.mean(np.abs(found) < 2) >= 0.95
    # Neither too small nor too large: errors that are too large would pass above.
    assert 0.9 < found.std() < 1.1
    assert abs(found.mean()) < 0.15


def test_empty_sky(sample):
    """The reduced chi-square of empty sky is 1, and sums of it scatter as stated."""
    assert len(sample.empty) > 100
    assert np.mean([one.chi_square for one in sample.empty]) == pytest.approx(
        1, abs=0.1
    )
    assert pulls(sample.empty).std() == pytest.approx(1.0, abs=0.15)


def test_noise_of_light(sample):
    """The reduced chi-square of stamps full of a galaxy's light is 1 as well."""
    found = [one.chi_square for one in sample.galaxies if one.good.any()]
    assert np.mean(found) == pytest.approx(1, abs=0.1)


def test_centring(sample):
    """The light's centre is less than 0.2 px from the stated place, in 95 %."""
    whole = [one for one in sample.galaxies if one.good.mean() > 0.9]
    assert len(whole) >= 400
    assert np.percentile([centring(one) for one in whole], 95) < 0.2


def test_facts(sample):
    """Each stamp has its facts, and a mask whose bits agree with the planes."""
    for one in (*sample.galaxies, *sample.empty):
        facts, planes = one.facts, one.planes
        assert facts.unit in {"electron/s", "MJy/sr"}
        assert facts.corr_noise == pytest.approx(1.5, abs=0.01)
        assert facts.noise_source
        assert facts.to_njy > 0
        assert len(facts.date_obs) >= len("2022-06-07T00:35:04")
        assert ((planes.ivar > 0) == one.good).all()
        assert (np.isnan(planes.flux) == ((planes.mask & BAD) > 0)).all()
        # No one has a PSF that is more than a width.
        assert planes.psf is None
        assert (facts.psf_fwhm is None) == (not facts.psf_source)


def test_alone(tmp_path):
    """A stamp has the same bytes alone and among others of its image."""
    sky = Sky.make(3, targets=24, per_image=12)
    image = next(hst_images(sky))
    together = sum(1 for _ in cut(image, image.places, tmp_path, 40))
    stored = {path.name: path.read_bytes() for path in tmp_path.glob("stamps/*")}
    assert together == len(stored) > 5
    for number, place in enumerate(image.places):
        if f"{number}.fits" in stored:
            assert len(list(cut(image, [place], tmp_path, 40))) == 1
            alone = (tmp_path / "stamps/0.fits").read_bytes()
            expected = stored[f"{number}.fits"]
            card = f"OBJECT  = '{number:<8}'".encode()
            assert expected.replace(card, b"OBJECT  = '0       '") == alone

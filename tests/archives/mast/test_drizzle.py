"""How drizzling changes noise, by formula and in simulated and real images."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from drizzled import SECONDS, correlated, look_up
from photutils.segmentation import detect_sources
from scipy.ndimage import gaussian_filter
from scipy.signal import oaconvolve

from harvester.archives.mast.background import measure_background
from harvester.archives.mast.drizzle import drizzle_of, noise_ratio
from harvester.archives.mast.noise import WeightNoise
from harvester.archives.mast.weight_map import WeightMap


@pytest.mark.parametrize(
    ("drop", "ratio"), [(1.0, 1.5), (2.0, 2.4), (0.5, 1.2), (0.0, 1.0)]
)
def test_formula(drop, ratio):
    """The formula of Casertano et al. 2000, on both sides of r = 1."""
    assert noise_ratio(drop) == pytest.approx(ratio)


def test_formula_against_noise():
    """Drops as large as pixels make large areas 1.5 times as noisy as pixels say."""
    noise = correlated(np.random.default_rng(3), (1200, 1200))
    blocks = noise.reshape(60, 20, 60, 20).sum(axis=(1, 3)) / 20
    assert blocks.std() / noise.std() == pytest.approx(noise_ratio(1.0), rel=0.05)


@pytest.mark.parametrize(
    "lacking",
    [
        {"D001PIXF": ""},
        {"D001SCAL": "0"},
        {"D001ISCL": "x"},
        {"D001KERN": "gaussian"},
        {"D001KERN": ""},
    ],
)
def test_unknown_drizzle(lacking):
    """Without the sizes, or for another kernel, nothing is said of the noise."""
    assert drizzle_of(look_up(SECONDS)) is not None
    assert drizzle_of(look_up(SECONDS | lacking)) is None


@pytest.mark.parametrize(
    ("pixfrac", "scale", "reach"), [(1, 1, 2), (0.5, 0.468, 2), (0.8, 0.5, 3)]
)
def test_reach(pixfrac, scale, reach):
    """Pixels share no drop from a distance on that grows with the drops."""
    cards = {"D001PIXF": pixfrac, "D001SCAL": 0.1 * scale, "D001ISCL": 0.1}
    found = drizzle_of(look_up(SECONDS | cards))
    assert found is not None
    assert found.reach == reach


def test_real_hst(shared):
    """In a real mosaic single pixels scatter a quarter less than the formula says.

    Its map of the root mean square holds for independent pixels.
    """
    folder = shared / "data/hst"
    name = "abell_2744_dwarf_galaxy_f105w"
    science, header = fits.getdata(folder / f"{name}.fits.gz", header=True)
    errors = fits.getdata(folder / f"{name}_rms.fits.gz")
    drizzle = drizzle_of(look_up(header))
    assert drizzle is not None
    assert (drizzle.pixfrac, drizzle.scale) == (0.5, pytest.approx(0.4678, abs=1e-4))
    found = measure_background(science, errors**-2.0, drizzle.reach)
    assert found is not None
    measured = found.variance**-0.5
    assert drizzle.noise_ratio == pytest.approx(1.553, abs=1e-3)
    assert measured == pytest.approx(1.25 * drizzle.noise_ratio, rel=0.05)


@pytest.mark.parametrize(
    ("band", "scale"), [("F200W", 0.02 / 0.0307), ("F444W", 0.04 / 0.0629)]
)
def test_real_jwst(shared, band, scale):
    """In CEERS mosaics single pixels scatter as the formula says, to 7 %."""
    folder = shared / "data/jwst"
    science = fits.getdata(folder / f"2114_{band}sci.fits")
    errors = fits.getdata(folder / f"2114_{band}sigma.fits")
    found = measure_background(science, errors**-2.0, 5)
    assert found is not None
    assert found.variance**-0.5 == pytest.approx(noise_ratio(1 / scale), rel=0.07)


def _flat_sky(science, ivar, side=24):
    """Give the reduced chi-square of the flattest fifth of a real stamp's boxes."""
    boxes = []
    for y in range(0, science.shape[0] - side, side // 2):
        for x in range(0, science.shape[1] - side, side // 2):
            box = np.s_[y : y + side, x : x + side]
            off = science[box].astype(float) - np.median(science[box])
            boxes.append((np.percentile(off, 90), np.mean(off**2 * ivar[box])))
    flattest = sorted(boxes)[: len(boxes) // 5]
    return np.mean([chi_square for _, chi_square in flattest])


@pytest.mark.parametrize(
    ("band", "scale"), [("F200W", 0.02 / 0.0307), ("F444W", 0.04 / 0.0629)]
)
def test_real_sky_of_jwst(shared, band, scale):
    """Errors of CEERS mosaics give the sky a chi-square of 0.9 to 1.15.

    The team's errors are those of independent pixels of the mosaic's own size.
    """
    folder = shared / "data/jwst"
    science = fits.getdata(folder / f"2114_{band}sci.fits")
    errors = fits.getdata(folder / f"2114_{band}sigma.fits")
    ivar = (noise_ratio(1 / scale) / errors) ** 2
    assert 0.9 < _flat_sky(science, ivar) < 1.15


def _real_hst(shared):
    """Give a real mosaic in front of a cluster: pixels in units of their noise."""
    folder, name = shared / "data/hst", "abell_2744_dwarf_galaxy_f105w"
    science, header = fits.getdata(folder / f"{name}.fits.gz", header=True)
    errors = fits.getdata(folder / f"{name}_rms.fits.gz")
    noise = WeightNoise.of(look_up(header))
    assert noise.stated is WeightMap.BACKGROUND
    return science * np.sqrt(noise.ivar_of(science, errors**-2.0).astype(float))


def _blank_sky(pixels, limit):
    """Give pixels without the sky around them, and which of them are blank sky.

    The sky is the mean of blank pixels 4 to 12 px away. Blank is where photutils
    detects nothing above a limit, in standard deviations of the smoothed image.
    """
    distance = np.hypot(*np.mgrid[-12:13, -12:13])
    ring = ((distance >= 4) & (distance <= 12)).astype(float)
    blank = np.ones(pixels.shape)
    for _ in range(8):
        share = oaconvolve(blank, ring, mode="same")
        level = oaconvolve(pixels * blank, ring, mode="same") / np.maximum(share, 1)
        smooth = gaussian_filter(pixels - level, 1.5)
        sigma = 1.4826 * np.median(np.abs(smooth[blank > 0]))
        sources = detect_sources(smooth, limit * sigma, 5)
        blank = 1.0 - sources.make_source_mask(size=5)
    return pixels - level, (blank > 0) & (share > ring.sum() / 3)


def _shared(pixels, blank, distance):
    """Give the mean product of blank pixels so many rows or columns apart."""
    product, both = (
        np.concatenate(
            [
                (plane[distance:] * plane[:-distance]).ravel(),
                (plane[:, distance:] * plane[:, :-distance]).ravel(),
            ]
        )
        for plane in (pixels, blank.astype(float))
    )
    return np.mean(product[both > 0])


def test_real_sky_of_hst(shared):
    """The chi-square of blank sky is 0.9 to 1.15, and falls with the light in it."""
    pixels = _real_hst(shared)
    found = []
    for limit in (5, 3, 2.5, 2):
        sky, blank = _blank_sky(pixels, limit)
        assert blank.sum() > 8000
        found.append(np.mean(sky[blank] ** 2))
    assert found == sorted(found, reverse=True)
    assert found[0] > 1.2
    assert all(0.9 < chi_square < 1.15 for chi_square in found[1:])


def test_light_in_real_sky(shared):
    """What the chi-square of a real sky has above 1 is light of the cluster.

    Pixels four apart share no drop. Without the sky around each pixel they have nearly
    all of the excess in common; with it, nothing.
    """
    pixels = _real_hst(shared)
    sky, blank = _blank_sky(pixels, 2.5)
    flat = pixels - pixels[blank].mean()
    assert np.mean(flat[blank] ** 2) > 2
    excess = np.mean(flat[blank] ** 2) - np.mean(sky[blank] ** 2)
    assert _shared(flat, blank, 4) == pytest.approx(excess, rel=0.1)
    assert abs(_shared(sky, blank, 4)) < 0.02


def test_blank_sky_of_noise():
    """Where there is only noise, the same selection has a chi-square of 0.9 to 1.05.

    It leaves out what noise is bright by chance.
    """
    seconds = np.full((200, 200), 1000.0)
    noise = correlated(np.random.default_rng(1), seconds.shape).astype(np.float32)
    ivar = WeightNoise.of(look_up(SECONDS)).ivar_of(0.03 * noise, seconds)
    for limit in (2.5, 2):
        sky, blank = _blank_sky(0.03 * noise * np.sqrt(ivar.astype(float)), limit)
        assert 0.9 < np.mean(sky[blank] ** 2) < 1.05

"""Registration: which bands of a galaxy are moved, by how much, and which are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter, maximum_filter

from harvester.dataset.align import align
from harvester.dataset.centres import centre_error, find_centre, pixel_noise
from harvester.dataset.opened.stamp import HarvestedStamp
from harvester.dataset.registration import register_stamps
from harvester.dataset.sky_grid import grid_of_stamp
from harvester.dataset.stamp_reader import StampPlanes

SIDE = 41
#: ICRS degrees of the galaxy.
PLACE = (150.0, 2.0)


def stamp_of(flux, header, ra, dec):
    """Give a stamp as a run has it."""
    record = {"ra": ra, "dec": dec, "unit": "nanomaggy", "file_loc": "stamp.fits"}
    planes = StampPlanes(flux.astype(np.float32), None, None, None, b"")
    return HarvestedStamp(Path(), record).replaced(planes.with_header(header), record)


def galaxy_at(dx, dy, *, signal=100.0, seed=0, noise=1.0):
    """Give a stamp with a galaxy that is seen some pixels beside its position."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], PLACE
    wcs.wcs.crpix, wcs.wcs.cdelt = [21, 21], [-1.1e-4, 1.1e-4]
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    flux = signal * np.exp(-((columns - dx) ** 2 + (rows - dy) ** 2) / (2 * 2.0**2))
    flux += np.random.default_rng(seed).normal(0, noise, flux.shape)
    header = fits.Header([("NAXIS1", SIDE), ("NAXIS2", SIDE), *wcs.to_header().cards])
    return stamp_of(flux, header, *PLACE)


def registered(**bands):
    """Register bands of one survey; the first stays."""
    stamps = {("sdss", band): stamp for band, stamp in bands.items()}
    first = next(iter(stamps))
    new = register_stamps(stamps, grid_of_stamp(stamps[first]), "bilinear", first)
    return [stamp.record for stamp in new.values()]


@pytest.mark.parametrize(
    ("dx", "signal", "word"),
    [
        (0.3, 100, "moved"),
        (0.05, 100, "agreed"),
        (0.3, 8, "unsure"),
        (0.3, 0, "unsure"),
        (0.9, 100, "apart"),
    ],
)
def test_what_is_moved(dx, signal, word):
    """Only a difference that is certain, visible and small moves a stamp."""
    first, second = registered(r=galaxy_at(0, 0), g=galaxy_at(dx, 0, signal=signal))
    assert (first["registered"], second["registered"]) == ("reference", word)
    if word == "moved":
        assert second["moved_x"] == pytest.approx(dx, abs=0.05)
        assert second["moved_y"] == pytest.approx(0, abs=0.05)
    else:
        assert second["moved_x"] is None


def test_faint_band_asked_for():
    """If the band that is asked for is too faint, the others agree without it."""
    stamps = {
        "u": galaxy_at(0, 0, signal=1),
        "g": galaxy_at(0.3, 0),
        "r": galaxy_at(0, 0),
    }
    words = [record["registered"] for record in registered(**stamps)]
    assert words[0] == "unsure"
    assert sorted(words[1:]) == ["moved", "reference"]


def test_two_surveys():
    """Between surveys a galaxy may be moved by up to an arcsecond."""
    stamps = {("sdss", "r"): galaxy_at(0, 0), ("hst", "F160W"): galaxy_at(1.8, 0)}
    new = align(stamps, "sdss:r", "bilinear")["hst", "F160W"]
    assert new.record["registered"] == "moved"
    assert find_centre(new.flux, 20, 20) == pytest.approx((20, 20), abs=0.1)


def test_noise_moves_nothing():
    """Bands that truly agree are left alone in more than 98 of 100 cases."""
    signals = np.geomspace(5, 200, 100)
    words = []
    for number, signal in enumerate(signals):
        stamps = {
            "r": galaxy_at(0, 0, signal=signal, seed=2 * number),
            "g": galaxy_at(0, 0, signal=signal, seed=2 * number + 1),
        }
        words.append(registered(**stamps)[1]["registered"])
    assert words.count("moved") <= 2
    assert words.count("agreed") > 50
    assert words.count("apart") == 0


def test_error_is_the_scatter():
    """The error of a centre is how far noise moves it."""
    found, errors = [], []
    for seed in range(100):
        flux = galaxy_at(0.2, -0.3, signal=15, seed=seed).flux
        found.append(find_centre(flux, 20, 20))
        errors.append(centre_error(flux, *found[-1], 1.5, pixel_noise(flux)))
    assert np.mean(found, axis=0) == pytest.approx((20.2, 19.7), abs=0.03)
    assert np.std(found, axis=0).mean() == pytest.approx(np.median(errors), rel=0.2)


# -- real frames -----------------------------------------------------------------------


def _sources(flux):
    """Give the places of half of the isolated, not too bright sources of a frame."""
    smooth = gaussian_filter(flux, 1.5)
    is_peak = (smooth == maximum_filter(smooth, 25)) & (
        smooth > 6 * pixel_noise(smooth)
    )
    rows, columns = np.nonzero(is_peak & (flux < 30))
    inside = (abs(rows - 744) < 700) & (abs(columns - 1024) < 980)
    found = list(zip(columns[inside].tolist(), rows[inside].tolist(), strict=True))
    return found[::2]


def _cut(frame, ra, dec):
    """Cut 40 x 40 pixels around a position; None if it is too near the edge."""
    flux, wcs = frame
    x, y = map(float, wcs.world_to_pixel_values(ra, dec))
    left, low = round(x) - 20, round(y) - 20
    if min(left, low) < 0:
        return None
    part = flux[low : low + 40, left : left + 40]
    own = wcs[low : low + 40, left : left + 40].to_header()
    return stamp_of(part, own, ra, dec) if part.shape == (40, 40) else None


def _difference(red, other):
    """Give how far the centres of two stamps lie apart, in pixels; None: unknown."""
    place = red.record["ra"], red.record["dec"]
    seen = []
    for stamp in (red, other):
        x, y = map(float, stamp.wcs.world_to_pixel_values(*place))
        found = find_centre(stamp.flux, x, y)
        if found is None:
            return None
        seen.append((found[0] - x, found[1] - y))
    return np.subtract(seen[1], seen[0])


def test_real_field(shared):
    """In a real field galaxies are not moved off the stars that surround them.

    The stars of two frames tell how far their astrometry differs. Moving each galaxy
    onto its own centre would add noise and true differences to that.
    """
    frames = {}
    for band in "ri":
        path = shared / f"data/sdss/frame-{band}-003918-3-0213.fits.bz2"
        with fits.open(path) as hdus:
            frames[band] = hdus[0].data.astype(np.float32), WCS(hdus[0].header)
    places = _sources(frames["r"][0])
    sky = np.transpose(frames["r"][1].pixel_to_world_values(*np.transpose(places)))
    pairs = [tuple(_cut(frames[band], *one) for band in "ri") for one in sky.tolist()]
    pairs = [pair for pair in pairs if None not in pair]
    seen = [_difference(*pair) for pair in pairs]
    pairs = [pair for pair, one in zip(pairs, seen, strict=True) if one is not None]
    seen = np.array([one for one in seen if one is not None])
    stars = np.median(seen[[_is_bright(red) for red, _ in pairs]], axis=0)
    moved = np.array([_move(*pair) for pair in pairs])
    left = np.hypot(*(moved - stars).T)
    every = np.hypot(*(seen - stars).T)
    assert len(pairs) > 150
    assert np.hypot(*stars) < 0.1
    assert (moved != 0).any(axis=1).mean() < 0.15
    assert _rms(left) < 0.1
    assert _rms(every[every < 0.5]) > 0.15


def _is_bright(stamp):
    return stamp.flux[15:25, 15:25].max() > 60 * pixel_noise(stamp.flux)


def _move(red, other):
    return [registered(r=red, i=other)[1][key] or 0.0 for key in ("moved_x", "moved_y")]


def _rms(values):
    return np.sqrt(np.mean(values**2))

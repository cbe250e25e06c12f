"""All bands of a galaxy on one grid."""

from __future__ import annotations

import json

import numpy as np
import pytest
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.cutouts.cutouts import cut_frame
from harvester.dataset.align import align
from harvester.dataset.centres import find_centre
from harvester.dataset.opened.stamp import HarvestedStamp
from harvester.dataset.resampling import needs_area
from harvester.errors import InputError
from harvester.models import CutoutSpec, FrameJob, Plane, Product, StampSize, Wanted

WAYS = ("exact", "bilinear", "adaptive")


@pytest.fixture
def galaxy(tmp_path):
    """Give a galaxy in three bands of two surveys, with all planes."""
    planes = ("ivar", "mask", "psf")
    bands = (GREEN, RED, INFRARED)
    return harvester.open(write_run(tmp_path, {"n": [1]}, bands, planes=planes))[0]


@pytest.fixture
def real_stamps(shared, tmp_path):
    """Give the stamps of a real galaxy, cut out of the frames of three bands."""
    truth = json.loads((shared / "data/sdss/truth_open.json").read_text())
    return {
        ("sdss", band): _cut(shared, tmp_path, band, *truth[_frame(band)])
        for band in "gri"
    }


def _frame(band):
    return f"frame-{band}-001043-5-0025"


def _cut(shared, out, band, seen):
    name = f"{_frame(band)}.fits.bz2"
    file_loc = f"cutouts/{band}.fits"
    asked = FrameJob(
        product=Product("sdss", name, band, f"https://example.org/{name}"),
        path=str(shared / "data/sdss" / name),
        root=str(out),
        wanted=(Wanted(0, seen["id"], seen["ra"], seen["dec"], file_loc),),
        spec=CutoutSpec(StampSize(40, "px"), planes=(Plane.FLUX, Plane.MASK)),
    )
    (receipt,) = cut_frame(asked)
    record = {
        "id_str": seen["id"],
        "ra": seen["ra"],
        "dec": seen["dec"],
        "survey": "sdss",
        "band": band,
        "file_loc": file_loc,
        "unit": receipt.facts.unit,
    }
    return HarvestedStamp(out, record)


def aperture_sum(stamp, x, y, radius_arcsec):
    """Add up the flux in a circle, with pixels at its edge divided into parts."""
    parts = 10
    scale = np.sqrt(abs(np.linalg.det(stamp.wcs.pixel_scale_matrix))) * 3600
    fine = np.repeat(np.repeat(stamp.flux, parts, 0), parts, 1) / parts**2
    rows, columns = (np.indices(fine.shape) + 0.5) / parts - 0.5
    return fine[np.hypot(columns - x, rows - y) * scale < radius_arcsec].sum()


def centres(stamps, sigma=1.5):
    """Give the centre of the galaxy in each stamp, in pixels."""
    found = []
    for stamp in stamps.values():
        place = stamp.wcs.world_to_pixel_values(stamp.record["ra"], stamp.record["dec"])
        found.append(find_centre(stamp.flux, *map(float, place), sigma))
    return np.array(found)


@pytest.mark.parametrize(
    ("to", "how"), [("sdss:r", "exact"), ("north", "bilinear"), ("grid", "adaptive")]
)
def test_real_bands_agree(real_stamps, to, how):
    """The real galaxy is at one place in all bands, to a tenth of a pixel."""
    before = np.ptp(centres(real_stamps), axis=0).max()
    plain = align(real_stamps, to, how, register=False)
    by_astrometry = np.ptp(centres(plain), axis=0).max()
    new = align(real_stamps, to, how)
    assert before > 0.9
    assert 0.2 < by_astrometry < 0.4
    assert np.ptp(centres(new), axis=0).max() < 0.1
    moves = [stamp.record["registered"] for stamp in new.values()]
    assert sorted(moves) == ["moved", "moved", "reference"]
    shifts = [stamp.header.get("REG_DX") for stamp in new.values()]
    told = [stamp.record["moved_x"] for stamp in new.values()]
    assert shifts == pytest.approx(told)


@pytest.mark.parametrize("how", WAYS)
def test_real_flux_is_kept(real_stamps, how):
    """The flux in a circle of 3 arcsec changes by less than a percent in each band."""
    for band, new in align(real_stamps, "north", how).items():
        old = real_stamps[band]
        place = old.record["ra"], old.record["dec"]
        before = aperture_sum(old, *old.wcs.world_to_pixel_values(*place), 3)
        after = aperture_sum(new, *new.wcs.world_to_pixel_values(*place), 3)
        assert after == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("to", ["north", "sdss:r", "grid", "F160W"])
def test_two_surveys_on_one_grid(galaxy, to):
    """Stamps of two surveys get the same pixels and directions, with the galaxy."""
    stamps = galaxy.aligned(to)
    assert list(stamps) == [("sdss", "g"), ("sdss", "r"), ("hst", "F160W")]
    records = [stamp.record for stamp in stamps.values()]
    for record, stamp in zip(records, stamps.values(), strict=True):
        assert stamp.flux.shape == (record["ny"], record["nx"]) == stamp.mask.shape
        place = stamp.wcs.world_to_pixel_values(galaxy.ra, galaxy.dec)
        assert np.allclose((record["x"], record["y"]), place, atol=1e-6)
    same = ("x", "y", "nx", "ny", "pixel_scale")
    first = [records[0][name] for name in same]
    for record in records:
        assert [record[name] for name in same] == pytest.approx(first, abs=1e-4)
    # A tenth of a pixel of the coarser survey.
    widths = 0.396 / first[-1]
    assert np.ptp(centres(stamps, 1.5 * widths), axis=0).max() < 0.1 * widths


def test_north(galaxy):
    """North is up and east left, and the galaxy is exactly in the middle."""
    stamp = galaxy.aligned("north", pixel_scale=0.25, size="8arcsec")["hst", "F160W"]
    assert stamp.flux.shape == (32, 32)
    assert (stamp.record["x"], stamp.record["y"]) == pytest.approx((15.5, 15.5))
    assert stamp.record["orientation"] % 360 == pytest.approx(0, abs=1e-6)
    assert not stamp.record["flipped"]
    ra, dec = stamp.wcs.pixel_to_world_values([15.5, 0], [20, 15.5])
    assert ra[1] > ra[0]
    assert dec[0] > galaxy.dec


def test_scaled_by_area(galaxy):
    """Values per pixel scale with the area; their sum and its noise stay the same."""
    old = galaxy["sdss", "r"]
    new = galaxy.aligned("north", pixel_scale=0.198)["sdss", "r"]
    ratio = (0.198 / 0.396) ** 2
    old_sum = aperture_sum(old, old.record["x"], old.record["y"], 3)
    new_sum = aperture_sum(new, new.record["x"], new.record["y"], 3)
    assert new_sum == pytest.approx(old_sum, rel=0.01)
    # The variance of a sum over an area: new pixels are smaller and more.
    inner = new.ivar[10:-10, 10:-10]
    assert inner == pytest.approx(np.full(inner.shape, 1 / ratio), rel=1e-3)
    assert new.record["zero_point"] == old.record["zero_point"]
    assert new.psf.sum() == pytest.approx(1)
    assert new.psf.shape[0] % 2 == 1
    assert np.unravel_index(new.psf.argmax(), new.psf.shape) == (
        new.psf.shape[0] // 2,
        new.psf.shape[1] // 2,
    )


def test_surface_brightness(galaxy):
    """Values per solid angle keep their size; their zero point changes instead."""
    bands = {("jwst", "F200W"): galaxy["sdss", "r"]}
    old = bands["jwst", "F200W"]
    record = old.record | {"unit": "MJy/sr", "zero_point": 28.0, "to_njy": 22.0}
    bands["jwst", "F200W"] = old.replaced(old.planes, record)
    (new,) = align(bands, "north", pixel_scale=0.792).values()
    middle = (new.record["ny"] // 2, new.record["nx"] // 2)
    assert new.flux[middle] == pytest.approx(old.flux[10:14, 10:14].mean(), rel=0.2)
    assert new.record["zero_point"] == pytest.approx(28.0 - 2.5 * np.log10(4))
    assert new.record["to_njy"] == pytest.approx(88.0)
    assert new.header["ALIGNED"] == "north, exact"


@pytest.mark.parametrize(
    ("unit", "scales"),
    [
        ("nanomaggy", True),
        ("electron/s", True),
        ("ELECTRONS/S", True),
        ("MJy/sr", False),
        ("nJy/arcsec2", False),
    ],
)
def test_units(unit, scales):
    """Fluxes of a pixel scale with its area, surface brightness does not."""
    assert needs_area(unit) is scales


@pytest.mark.parametrize("how", WAYS)
def test_bad_pixels(galaxy, how):
    """A pixel is good if all that contribute are; other bits come from any of them."""
    old = galaxy["sdss", "g"]
    old.mask[12, 12] = 8
    new = align({("sdss", "g"): old}, "north", how)["sdss", "g"]
    saturated = (new.mask & 8) != 0
    assert 2 <= saturated.sum() < 200
    assert not (new.good & saturated).any()
    assert np.isfinite(new.flux[saturated]).any()
    # The pixel without a value, and what lies outside of the stamp.
    lacking = ~np.isfinite(new.flux)
    assert lacking.any()
    assert not new.good[lacking].any()
    assert (new.ivar[lacking] == 0).all()
    assert (new.good | (new.mask > 1)).all()
    assert new.record["coverage"] == pytest.approx((~lacking).mean())


def test_named_band_is_unchanged(galaxy):
    """The band whose pixels are taken keeps its stamp, bit by bit."""
    old = galaxy["sdss", "r"]
    assert galaxy.aligned("sdss:r", register=False)["sdss", "r"] is old
    new = galaxy.aligned("sdss:r")["sdss", "r"]
    assert np.array_equal(new.flux, old.flux, equal_nan=True)
    assert np.array_equal(new.mask, old.mask)
    assert new.header["REGISTER"] == "reference"
    assert new.header["CRPIX1"] == old.header["CRPIX1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "south"}, "no band 'south'; there are sdss:g"),
        ({"how": "cubic"}, "no way 'cubic' to resample; there are exact, bilinear"),
        ({"pixel_scale": 0}, "not a number of arcsec above 0"),
        ({"pixel_scale": 1e-4}, "is too large: at most 8192"),
        ({"size": "many"}, "size 'many' is not like"),
        ({"to": "sdss:r", "size": "40px"}, "no size can be given"),
    ],
)
def test_wrong_words(galaxy, options, words):
    """Each wrong word is an error that says what is possible."""
    with pytest.raises(InputError, match=words):
        galaxy.aligned(**options)


def test_unknown_unit(galaxy):
    """Without a known unit it cannot be told whether values scale with the area."""
    with pytest.raises(InputError, match="the unit 'frogs' of the pixels is not known"):
        needs_area("frogs")
    assert galaxy.aligned(bands=["sdss:g"]).keys() == {("sdss", "g")}

"""The files of JWST mosaics: realistic, with galaxies at their WCS positions."""

from __future__ import annotations

import io
import json
import math
import re
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from harvester.sandbox.jwst.cards import Edition
from harvester.sandbox.jwst.mosaic import Size
from harvester.sandbox.jwst.paint import i2d, i2d_size
from harvester.sandbox.lazy_file import BAND_ROWS, BandCache
from harvester.sandbox.sky import Sky

pytestmark = [
    # Real mosaics, too, have MJD-BEG without DATE-BEG; astropy warns about each.
    pytest.mark.filterwarnings("ignore:.*datfix"),
]
#: (MJy/sr)^2, of one dither.
READ_VARIANCE = np.float32(4e-4)
HDUS = [
    *("PRIMARY", "SCI", "ERR", "CON", "WHT"),
    *("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "HDRTAB", "ASDF"),
]


@pytest.fixture(scope="module")
def sky() -> Sky:
    """Make one sky for all tests; no test changes it."""
    return Sky.make(1, targets=120, jwst=Size.SMALL)


def first(sky, **wanted):
    """Return the first mosaic that has these attributes."""
    return next(
        obs
        for obs in sky.jwst
        if obs.mosaic
        and all(getattr(obs, name) == value for name, value in wanted.items())
    )


def lazy(sky, obs, edition=None):
    """Make the lazy file of a mosaic."""
    return i2d(sky, obs, edition or Edition(0, obs.cal_ver), BandCache())


def opened(sky, obs, edition=None):
    """Open the whole file of a mosaic."""
    file = lazy(sky, obs, edition)
    return fits.open(io.BytesIO(file.read(0, file.size)))


@pytest.fixture(scope="module")
def main(sky):
    """Return a mosaic with a file of the new pipeline."""
    return first(sky, candidate="o001", is_old=False)


@pytest.fixture(scope="module")
def hdus(sky, main):
    """Open the file of the main mosaic."""
    return opened(sky, main)


def test_layout(hdus, main):
    """The extensions, their order and their types are those of the archive."""
    assert [hdu.name for hdu in hdus] == HDUS
    hdus.verify("exception")
    shape = (main.mosaic.ny, main.mosaic.nx)
    for hdu in hdus[1:8]:
        layers = (3,) if hdu.name == "CON" else ()
        assert hdu.data.shape == (*layers, *shape)
        assert hdu.data.dtype == (">i4" if hdu.name == "CON" else ">f4")
    assert hdus[0].data is None
    assert len(hdus["HDRTAB"].data) == len(main.mosaic.inputs)
    assert len(hdus["HDRTAB"].columns) > 200
    assert len(set(hdus["HDRTAB"].data["FILENAME"])) == 72


def test_header_lengths(hdus):
    """Primary and SCI headers are long but fit together in the first 64 kB."""
    primary, science = (len(hdus[n].header.tostring()) for n in (0, 1))
    assert primary >= 7 * 2880
    assert science >= 3 * 2880
    assert primary + science < 65_536


def test_cards_of_a_real_mosaic(hdus, shared):
    """Every card of the real mosaic is present, with the same type of value."""
    real = json.loads((shared / "data/jwst/i2d_jw02736_f090w_cards.json").read_text())
    for part, header in (("primary", hdus[0].header), ("sci", hdus["SCI"].header)):
        for name, value in real[part].items():
            ours = header["DATE-OBS" if name == "DATE_OBS" else name]
            assert type(ours) is type(value), name
    theirs, ours = real["sci"], hdus["SCI"].header
    for name in ("CTYPE1", "CTYPE2", "CUNIT1", "RADESYS", "WCSAXES", "BUNIT"):
        assert ours[name] == theirs[name]
    for cards in (theirs, ours):
        assert cards["CDELT1"] == cards["CDELT2"] > 0
        assert cards["PC1_1"] == -cards["PC2_2"]
        assert cards["PC1_2"] == cards["PC2_1"]
        area = math.radians(cards["CDELT1"]) ** 2
        assert cards["PIXAR_SR"] == pytest.approx(area, rel=1e-4)
        ratio = cards["PIXAR_A2"] / cards["PIXAR_SR"]
        assert ratio == pytest.approx((180 * 3600 / math.pi) ** 2, rel=1e-4)
        ratio = cards["PHOTUJA2"] / cards["PHOTMJSR"]
        assert ratio == pytest.approx(23.5044, rel=1e-4)


def test_region_card(hdus, main, shared):
    """S_REGION has the real file's format and reaches the edges of the image."""
    real = json.loads((shared / "data/jwst/i2d_jw02736_f090w_cards.json").read_text())
    number = r"-?\d+\.\d{9}"
    polygon = rf"POLYGON ICRS  {number} {number}(?: {number} {number})+"
    spelling = re.compile(rf"{polygon}(?:  {polygon})*")
    text = hdus["SCI"].header["S_REGION"]
    assert spelling.fullmatch(real["sci"]["S_REGION"])
    assert spelling.fullmatch(text)
    assert text == main.s_region
    assert "CONTINUE" in hdus["SCI"].header.tostring()
    wcs = WCS(hdus["SCI"].header)
    numbers = [float(n) for n in re.findall(number, text)]
    x, y = wcs.world_to_pixel_values(numbers[::2], numbers[1::2])
    assert (x.min(), y.min()) == pytest.approx((-0.5, -0.5), abs=0.01)
    sides = (main.mosaic.nx - 0.5, main.mosaic.ny - 0.5)
    assert (x.max(), y.max()) == pytest.approx(sides, abs=0.01)


def test_galaxies_at_their_positions(sky):
    """The brightest pixel of each galaxy is at its catalogue position."""
    found = [
        offset
        for obs in sky.jwst
        if obs.mosaic and obs.passband.camera == "SHORT" and obs.candidate != "c1001"
        for offset in peaks(sky, obs)
    ]
    assert len(found) > 10
    assert set(found) == {(0, 0)}


def peaks(sky, obs):
    """Yield each galaxy's offset of the brightest pixel from the catalogue's."""
    with opened(sky, obs) as hdus:
        image, wcs = hdus["SCI"].data, WCS(hdus["SCI"].header)
        for galaxy in sky.galaxies_in_mosaic(obs.mosaic):
            place = wcs.world_to_pixel_values(galaxy.ra, galaxy.dec)
            x, y = (float(v) for v in place)
            col, row = round(x), round(y)
            box = image[max(0, row - 5) : row + 6, max(0, col - 5) : col + 6]
            # For a position halfway between two pixels, either may be the brighter one.
            is_clear = max(abs(x - col), abs(y - row)) < 0.35
            if is_clear and box.shape == (11, 11) and np.isfinite(box).all():
                at = np.unravel_index(box.argmax(), box.shape)
                yield int(at[0]) - 5, int(at[1]) - 5


def test_flux(sky, hdus, main):
    """The summed flux of an isolated galaxy agrees with its magnitude, to 0.02 mag."""
    image, wcs = hdus["SCI"].data, WCS(hdus["SCI"].header)
    area = hdus["SCI"].header["PIXAR_SR"]
    sums = []
    for galaxy in sky.galaxies_in_mosaic(main.mosaic):
        x, y = wcs.world_to_pixel_values(galaxy.ra, galaxy.dec)
        half = int(7 * galaxy.r50_arcsec / (main.mosaic.cdelt * 3600)) + 2
        rows = slice(round(float(y)) - half, round(float(y)) + half + 1)
        cols = slice(round(float(x)) - half, round(float(x)) + half + 1)
        box = image[rows, cols]
        if box.shape != (2 * half + 1, 2 * half + 1) or not np.isfinite(box).all():
            continue
        early, late = main.passband.colours
        wanted = galaxy.mag_r + (early if galaxy.morphology == 1 else late)
        jansky = (box - 0.2).sum(dtype=float) * 1e6 * area
        sums.append(-2.5 * math.log10(jansky / 3631) - wanted)
    assert sums
    # Neighbours and noise change the sums of some boxes.
    assert np.min(np.abs(sums)) < 0.02


def test_outside_of_the_data(hdus, main):
    """Without exposure, as in the gap, SCI and errors are NaN, WHT and CON 0."""
    science, weight = hdus["SCI"].data, hdus["WHT"].data
    empty = weight == 0
    assert 0.05 < empty.mean() < 0.2
    for name in ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT"):
        assert (np.isnan(hdus[name].data) == empty).all()
    assert ((hdus["CON"].data == 0).all(axis=0) == empty).all()
    gap = main.mosaic.nx // 2
    assert np.isnan(science[:, gap - 30 : gap + 30]).all()


def test_old_files(sky):
    """In files of the old pipeline SCI is 0 where there is no exposure."""
    old = first(sky, is_old=True)
    hdus = opened(sky, old)
    empty = hdus["WHT"].data == 0
    assert empty.any()
    assert (hdus["SCI"].data[empty] == 0).all()
    assert hdus[0].header["CAL_VER"].startswith("1.")


def test_context(hdus):
    """The number of bits in CON is the number of exposures of the pixel."""
    context = hdus["CON"].data.astype(">u4").view("u1").reshape(3, *hdus[1].shape, 4)
    bits = np.unpackbits(context, axis=-1).sum(axis=(0, 3))
    hits = hdus["WHT"].data * READ_VARIANCE
    assert (bits == np.rint(hits)).all()
    assert bits.max() == 9


def test_errors(hdus):
    """ERR is the root of the summed variances; drizzled pixels scatter less."""
    parts = ("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
    total = sum(hdus[name].data.astype(float) for name in parts)
    error = hdus["ERR"].data
    seen = hdus["WHT"].data > 0
    assert np.allclose(error[seen] ** 2, total[seen], rtol=1e-5)
    # Slightly above the Poisson variance of one dither in a sky of 0.2 MJy/sr.
    poisson = hdus["VAR_POISSON"].data * hdus["WHT"].data * READ_VARIANCE
    dark = seen & (poisson < 0.00081)
    pulls = np.where(dark, (hdus["SCI"].data - 0.2) / error, np.nan)
    assert dark.sum() > 10_000
    # Casertano et al. 2000: a factor of 1.5 for drops as large as pixels.
    assert np.nanstd(pulls) * 1.5 == pytest.approx(1.0, abs=0.05)
    sums = block_means(pulls, 8) * 8
    assert np.isfinite(sums).sum() > 100
    assert np.nanstd(sums) == pytest.approx(1.0, abs=0.12)


def block_means(image, side):
    """Average blocks of pixels; NaN if any of them is."""
    ny, nx = (length // side for length in image.shape)
    blocks = image[: ny * side, : nx * side].reshape(ny, side, nx, side)
    return blocks.mean(axis=(1, 3))


def test_pairs(sky):
    """A pair has its narrow band in PUPIL; its file name has the reverse order."""
    pair = next(obs for obs in sky.jwst if obs.passband.is_paired)
    header = opened(sky, pair)[0].header
    assert (header["FILTER"], header["PUPIL"]) == ("F410M", "F405N")
    assert pair.passband.filters == "F405N;F410M"
    assert pair.filename.endswith("_f410m-f405n_i2d.fits")


def test_other_instruments(sky):
    """MIRI files have F770W and no PUPIL; NIRISS files have F200W."""
    cards = {
        obs.instrument: opened(sky, obs)[0].header
        for obs in sky.jwst
        if obs.mosaic and obs.passband.camera in {"MIRI", "NIRISS"}
    }
    assert cards["NIRISS/IMAGE"]["FILTER"] == "F200W"
    assert cards["MIRI/IMAGE"]["FILTER"] == "F770W"
    assert "PUPIL" not in cards["MIRI/IMAGE"]


def test_sizes(sky):
    """Every file has the listed size, and the same seed gives the same bytes."""
    again = Sky.make(1, targets=120, jwst=Size.SMALL)
    for obs, same in list(zip(sky.jwst, again.jwst, strict=True))[:20]:
        if obs.mosaic:
            file = lazy(sky, obs)
            assert file.size == i2d_size(obs, Edition(0, obs.cal_ver))
            part = 70_000, 300_000
            assert file.read(*part) == lazy(again, same).read(*part)


def test_any_range_of_a_mosaic(sky, main):
    """Any range equals the same slice of the whole file, also at its end."""
    file = lazy(sky, main)
    whole = file.read(0, file.size)
    rng = np.random.default_rng(5)
    for start in (*rng.integers(0, file.size, 30).tolist(), file.size - 10):
        stop = start + int(rng.integers(1, 200_000))
        assert lazy(sky, main).read(start, stop) == whole[start:stop]


def test_real_size():
    """Reading a stamp from a file of over 4 GB needs less than 150 MB of memory."""
    sky = Sky.make(1, targets=60, jwst=Size.REAL)
    obs = first(sky, candidate="c1001")
    main = first(sky, candidate="o001")
    galaxy = next(g for g in sky.galaxies if obs.covers(g.ra, g.dec))
    tracemalloc.start()
    try:
        file = lazy(sky, obs)
        head = file.read(0, 65_536)
        header = fits.Header.fromstring(head[head.index(b"XTENSION") :])
        x, y = WCS(header).world_to_pixel_values(galaxy.ra, galaxy.dec)
        row = len(head[: head.index(b"XTENSION")]) + len(header.tostring())
        row += (round(float(y)) - 20) * header["NAXIS1"] * 4
        body = file.read(row, row + 41 * header["NAXIS1"] * 4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file.size > 4.3e9
    assert lazy(sky, main).size == pytest.approx(1_762_162_560, rel=0.005)
    assert peak < 150e6
    image = np.frombuffer(body, ">f4").reshape(41, -1)
    col = round(float(x))
    box = image[:, col - 20 : col + 21]
    at = np.unravel_index(box.argmax(), box.shape)
    assert np.abs(np.subtract(at, 20)).max() <= 1
    assert BAND_ROWS * header["NAXIS1"] * 4 < 5e6


def test_next_edition(sky, main):
    """A reprocessed file has new cards and pixels, shifted by one pixel."""
    old, new = opened(sky, main), opened(sky, main, Edition(1, "3.0.0", 1))
    assert new[0].header["CAL_VER"] == "3.0.0"
    assert new[0].header["DATE"] > old[0].header["DATE"]
    assert new[0].header["CRDS_CTX"] != old[0].header["CRDS_CTX"]
    assert new["SCI"].shape == tuple(side + 2 for side in old["SCI"].shape)
    for at in ("CRPIX1", "CRPIX2"):
        assert new["SCI"].header[at] == old["SCI"].header[at] + 1
    moved = new["SCI"].data[1:-1, 1:-1]
    assert (np.isnan(moved) == np.isnan(old["SCI"].data)).all()
    assert not np.array_equal(moved, old["SCI"].data, equal_nan=True)

"""The pixels of the sandbox: galaxies at their WCS positions, in realistic files."""

from __future__ import annotations

import bz2
import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from scipy.ndimage import map_coordinates, uniform_filter

from harvester.sandbox.catalogue import write_catalogue
from harvester.sandbox.paint_hst import drz, drz_size
from harvester.sandbox.paint_sdss import sdss_frame
from harvester.sandbox.scans import FIELD_STEP, ROWS
from harvester.sandbox.sky import Sky

# The survey's DATE-OBS has no time; astropy warns about it for every frame.
pytestmark = pytest.mark.filterwarnings("ignore:.*datfix")


@pytest.fixture(scope="module")
def sky() -> Sky:
    """Make one sky for all tests; no test changes it."""
    return Sky.make(4, targets=120)


@pytest.fixture(scope="module")
def frame(sky) -> fits.HDUList:
    """Paint one frame."""
    return fits.open(io.BytesIO(sdss_frame(sky, next(iter(sky.fields)), "r")))


def _image(content, extension=0):
    return fits.open(io.BytesIO(content))[extension]


def _off_centre(image, x, y, half):
    """Measure the distance of the light's centre from a position, in pixels."""
    col, row = round(float(x)), round(float(y))
    box = image[row - half : row + half + 1, col - half : col + half + 1].astype(float)
    box -= np.median(image)
    v, u = np.mgrid[row - half : row + half + 1, col - half : col + half + 1]
    # A round window centred on the position, so that the square box adds no bias.
    box *= np.exp(-0.5 * ((u - x) ** 2 + (v - y) ** 2) / (half / 3) ** 2)
    return np.hypot((box * u).sum() / box.sum() - x, (box * v).sum() / box.sum() - y)


@pytest.mark.parametrize("band", "gr")
def test_frame_centring(sky, band):
    """Galaxies of a frame are centred on their WCS position, in g and in r."""
    key = list(sky.fields)[1]
    hdu = _image(sdss_frame(sky, key, band))
    wcs = WCS(hdu.header)
    seen = 0
    for galaxy in sky.galaxies_in_field(key):
        x, y = wcs.all_world2pix(galaxy.ra, galaxy.dec, 0)
        if 20 < x < 2027 and 20 < y < 1468:
            assert _off_centre(hdu.data, x, y, 12) < 0.1
            seen += 1
    assert seen > 5


def test_shared_counts(sky):
    """The last 128 rows of a field are the first of the next, as the camera saw them.

    Only the cores of bright galaxies differ, because each field has its own projection.
    """
    keys = (
        key for key in sky.fields if key._replace(field=key.field + 1) in sky.fields
    )
    key = next(keys)
    above = key._replace(field=key.field + 1)
    last = _image(sdss_frame(sky, key, "r")).data[FIELD_STEP:]
    first = _image(sdss_frame(sky, above, "r")).data[: ROWS - FIELD_STEP]
    apart = np.abs(last - first) / np.median(np.abs(last))
    assert (apart < 0.01).mean() > 0.97


def test_image_centring(sky):
    """Galaxies of an HST image are centred on their WCS position."""
    obs = sky.observations[0]
    hdu = _image(drz(sky, obs), "SCI")
    wcs = WCS(hdu.header)
    galaxies = sky.galaxies_in_observation(obs)
    assert len(galaxies) >= 2
    for galaxy in galaxies:
        x, y = wcs.all_world2pix(galaxy.ra, galaxy.dec, 0)
        assert _off_centre(np.nan_to_num(hdu.data), x, y, 12) < 0.2


def test_frame_flux(sky, frame):
    """The summed flux of galaxies agrees with their magnitude, within 10 %."""
    wcs, image = WCS(frame[0].header), frame[0].data
    key = next(iter(sky.fields))
    ratios = []
    for galaxy in sky.galaxies_in_field(key):
        x, y = (int(v) for v in wcs.all_world2pix(galaxy.ra, galaxy.dec, 0))
        if 40 < x < 2007 and 40 < y < 1448 and galaxy.sersic_n < 2:
            box = image[y - 25 : y + 26, x - 25 : x + 26]
            ratios.append(box.sum() / 10 ** (0.4 * (22.5 - galaxy.mag_r)))
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)


def test_frame_structure(frame, shared):
    """A frame has the HDUs of a real one, and ORIGIN marks it as synthetic."""
    path = shared / "fixtures/sdss/frames/frame-r-001000-1-0100.fits.bz2"
    real = fits.open(io.BytesIO(bz2.decompress(path.read_bytes())))
    assert len(frame) == len(real) == 4
    assert frame[0].data.shape == (1489, 2048)
    assert frame[0].data.dtype == ">f4"
    assert frame[1].data.shape == (2048,)
    for number in (2, 3):
        assert frame[number].columns.names == real[number].columns.names
        assert frame[number].columns.formats == real[number].columns.formats
    keys = ("CTYPE1", "CRPIX1", "CRPIX2", "RADECSYS", "EXPTIME", "RERUN", "SOFTBIAS")
    for key in keys:
        assert frame[0].header[key] == real[0].header[key]
    for key in ("RUN", "CAMCOL", "FRAME", "FILTER", "NMGY", "NODE", "INCL", "TAI"):
        assert key in frame[0].header
    assert all(hdu.header["ORIGIN"] == "harvester sandbox" for hdu in frame)


def test_frame_counts(frame):
    """Undoing calibration and sky gives integer counts, except for rounding."""
    image = frame[0].data[700:740].astype(float)
    table = frame[2].data
    sky = table["ALLSKY"][0]
    nearest = np.ix_(
        np.rint(table["YINTERP"][0][700:740]).astype(int).clip(0, 191),
        np.rint(table["XINTERP"][0]).astype(int).clip(0, 255),
    )
    counts = image / frame[1].data + sky[nearest]
    assert np.abs(counts - np.rint(counts)).mean() < 0.1
    assert frame[0].data.std() > 0.02


def _variance_of(hdus, gain, dark_variance):
    """Give the variance of each pixel that the data model derives from a frame."""
    image, calib = hdus[0].data.astype(float), hdus[1].data.astype(float)
    table = hdus[2].data
    places = np.meshgrid(table["YINTERP"][0], table["XINTERP"][0], indexing="ij")
    night = table["ALLSKY"][0].astype(float)
    sky = map_coordinates(night, places, order=1, mode="nearest")
    return calib**2 * ((image / calib + sky) / gain + dark_variance)


#: Run, camera column and band, and gain and dark variance of the CCD in the data model
#: (page "frame").
CCDS = [
    (1033, 1, "u", 1.62, 9.61),
    (1241, 2, "u", 1.825, 12.6025),
    (4192, 3, "r", 4.72, 1.3225),
    (7178, 4, "i", 4.885, 7.5625),
    (4887, 5, "z", 3.48, 2.1025),
    (2194, 6, "g", 4.035, 1.8225),
]


@pytest.mark.parametrize(("run", "camcol", "band", "gain", "dark_variance"), CCDS)
def test_frame_noise(run, camcol, band, gain, dark_variance):
    """The noise of a frame is that of its counts, its gain and its dark variance."""
    sky = Sky.make(4, targets=600)
    key = next(k for k in sky.fields if (k.run, k.camcol) == (run, camcol))
    with fits.open(io.BytesIO(sdss_frame(sky, key, band))) as hdus:
        variance = _variance_of(hdus, gain, dark_variance)
        image = hdus[0].data.astype(float)
    # Neighbouring pixels of blank sky differ only by their noise.
    square = np.diff(image)[:, ::2] ** 2
    square /= (variance[:, :-1] + variance[:, 1:])[:, ::2]
    smooth = uniform_filter(image, 9)[:, ::2]
    # Rows that were lost have neither light nor noise.
    is_blank = (smooth < np.median(smooth)) & (smooth != 0)
    assert square[is_blank].mean() == pytest.approx(1.0, abs=0.02)


def test_mantissas(frame):
    """Pixels have ten significant bits, as in the survey, and none is NaN."""
    bits = frame[0].data.astype("f4").view("i4")
    assert not (bits & ((1 << 14) - 1)).any()
    assert (bits & (1 << 14)).any()
    assert np.isfinite(frame[0].data).all()


def test_shared_rows(sky):
    """The rows shared by two neighbouring fields have the same noise and stars."""
    key = next(k for k in sky.fields if k._replace(field=k.field + 1) in sky.fields)
    after = key._replace(field=key.field + 1)
    one = _image(sdss_frame(sky, key, "r")).data[FIELD_STEP:].astype(float)
    two = _image(sdss_frame(sky, after, "r")).data[: ROWS - FIELD_STEP].astype(float)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.98
    # Half of a count: the sky goes on smoothly, and the WCS of the fields agree.
    assert np.median(np.abs(one - two)) < 0.00478 / 2


def test_same_bytes(sky):
    """The same sky gives the same bytes; another band or field gives others."""
    key, other = list(sky.fields)[:2]
    assert sdss_frame(sky, key, "u") == sdss_frame(Sky.make(4, 120), key, "u")
    assert sdss_frame(sky, key, "u") != sdss_frame(sky, key, "z")
    assert sdss_frame(sky, key, "u") != sdss_frame(sky, other, "u")
    obs = sky.observations[1]
    assert drz(sky, obs) == drz(Sky.make(4, 120), obs)


def test_drizzled_structure(sky):
    """An HST image has SCI, WHT, CTX, HDRTAB, photometry and an ORIGIN card."""
    obs = sky.observations[0]
    content = drz(sky, obs)
    hdus = fits.open(io.BytesIO(content))
    assert len(content) == drz_size(obs)
    assert len(content) % 2880 == 0
    assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "WHT", "CTX", "HDRTAB"]
    assert hdus[0].data is None
    assert len(hdus[0].header) >= 40
    assert hdus[0].header["FILTER"] == "F160W"
    assert hdus["SCI"].header["BUNIT"] == "ELECTRONS/S"
    assert hdus["SCI"].header["PHOTPLAM"] == 15369.18
    assert hdus["SCI"].data.dtype == ">f4"
    assert hdus["CTX"].data.dtype == ">i4"
    assert len(hdus["HDRTAB"].data) == obs.exposures
    assert all(hdu.header["ORIGIN"] == "harvester sandbox" for hdu in hdus)
    wcs = WCS(hdus["SCI"].header)
    assert wcs.proj_plane_pixel_scales()[0].to_value("arcsec") == pytest.approx(0.1283)


def test_empty_corners(sky):
    """Outside the drizzled outline SCI is NaN, and WHT and CTX are 0."""
    hdus = fits.open(io.BytesIO(drz(sky, sky.observations[0])))
    empty = np.isnan(hdus["SCI"].data)
    assert empty[0, 0]
    assert empty[-1, -1]
    assert 0.005 < empty.mean() < 0.2
    assert ((hdus["WHT"].data == 0) == empty).all()
    assert ((hdus["CTX"].data == 0) == empty).all()


def test_galaxy_in_the_corner(sky):
    """A galaxy can be inside the listed footprint but in an empty image corner."""
    found = [
        (obs, galaxy)
        for obs in sky.observations
        if obs.filters == "F160W" and obs.corners[0][0] > 80
        for galaxy in sky.galaxies_in_observation(obs)
        if np.hypot(*np.subtract(obs.tangent.to_pixel(galaxy.ra, galaxy.dec), 12)) < 1
    ]
    assert found
    obs, _ = found[0]
    image = _image(drz(sky, obs), "SCI").data
    assert np.isnan(image[:33, :33]).all()


@pytest.mark.parametrize("name", ["zoo.fits", "zoo.fits.gz"])
def test_catalogue(sky, tmp_path, name):
    """The catalogue has one row of vectors, 64-bit identifiers and stable bytes."""
    write_catalogue(sky, tmp_path / name)
    table = Table.read(tmp_path / name)
    assert len(table) == 1
    assert table["OBJID"][0].tolist() == [g.objid for g in sky.galaxies]
    assert table["OBJID"].dtype == ">i8"
    assert table["RA"][0].tolist() == [g.ra for g in sky.galaxies]
    assert table.colnames == [
        "OBJID",
        "RA",
        "DEC",
        "REDSHIFT",
        "GZ1_MORPHOLOGY",
        "BPT_CLASS",
        "U",
        "G",
        "R",
        "I",
        "Z",
        "SIGMA",
        "SIGMA_ERR",
        "LOG_MSTELLAR",
        "L_O3",
    ]
    again = tmp_path / f"again-{name}"
    write_catalogue(Sky.make(4, 120), again)
    assert again.read_bytes() == (tmp_path / name).read_bytes()


def test_position_angle(sky):
    """The long axis of a galaxy on the sky agrees with its position angle."""
    obs = sky.observations[0]
    hdu = _image(drz(sky, obs), "SCI")
    galaxy = min(sky.galaxies_in_observation(obs), key=lambda g: g.axis_ratio)
    x, y = (round(float(v)) for v in obs.tangent.to_pixel(galaxy.ra, galaxy.dec))
    box = np.nan_to_num(hdu.data[y - 15 : y + 16, x - 15 : x + 16]).astype(float)
    v, u = np.mgrid[-15:16, -15:16]
    box *= u**2 + v**2 < 15**2
    uu, vv, uv = ((box * m).sum() for m in (u * u, v * v, u * v))
    angle = 0.5 * np.arctan2(2 * uv, uu - vv)
    ra, dec = obs.tangent.to_sky([x, x + np.cos(angle)], [y, y + np.sin(angle)])
    east, north = (ra[1] - ra[0]) * np.cos(np.radians(dec[0])), dec[1] - dec[0]
    measured = np.degrees(np.arctan2(east, north)) % 180
    off = abs((measured - galaxy.pa_deg + 90) % 180 - 90)
    assert galaxy.axis_ratio < 0.8
    assert off < 5

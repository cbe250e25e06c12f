from __future__ import annotations

import bz2
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_frames import (
    SDSS_NAME,
    hst_frame,
    job,
    noise,
    sdss_frame,
    sdss_header,
    sky_of,
    tan_header,
    write_fits,
)

from harvester.cutouts.astrometry import BadWcsError
from harvester.cutouts.cutouts import cut_frame
from harvester.cutouts.frame_file import BadFrameError, CorruptFrameError
from harvester.errors import LocalError

SHAPE = (40, 60)
DATA = noise(SHAPE)
HEADER = sdss_header(SHAPE)
MIDDLE = sky_of(HEADER, 30, 20)

over_and_over = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def frame(tmp_path):
    """Write a small plain SDSS frame."""
    return sdss_frame(tmp_path / "frame.fits", DATA)


def read(root, receipt):
    """Return the pixels and the header of a stamp."""
    return fits.getdata(root / receipt.file_loc, header=True)


def origin(header):
    """Return the first pixel of a stamp in the frame: column, row."""
    return tuple(HEADER[key] - header[key] for key in ("CRPIX1", "CRPIX2"))


def along(length):
    """Draw positions along an axis: anywhere, or 0 or 0.25 pixels off a middle."""
    middles = st.integers(0, length - 1)
    anywhere = st.floats(-0.49, length - 0.51)
    return st.one_of(anywhere, middles, middles.map(lambda n: n + 0.25))


@over_and_over
@given(
    x=along(60),
    y=along(40),
    side=st.integers(1, 25),
    mode=st.sampled_from(["partial", "trim"]),
)
def test_as_cutout2d(frame, x, y, side, mode):
    """Pixels, shape and origin are those of Cutout2D, for a target anywhere."""
    place = sky_of(HEADER, x, y)
    (receipt,) = cut_frame(
        job(frame, frame.parent, [place], size=f"{side}px", mode=mode)
    )
    position = tuple(float(each) for each in WCS(HEADER).all_world2pix(*place, 0))
    like = Cutout2D(DATA, position, side, mode=mode, fill_value=np.nan)
    data, header = read(frame.parent, receipt)
    np.testing.assert_array_equal(data, like.data)
    column, row = like.origin_original
    inset = like.origin_cutout if mode == "partial" else (0, 0)
    assert origin(header) == (column - inset[0], row - inset[1])
    assert receipt.shape == like.shape
    valued = np.isfinite(like.data).sum() / side**2
    assert receipt.coverage == pytest.approx(valued, abs=1e-6)


@over_and_over
@given(x=st.floats(-30, 90), y=st.floats(-30, 70))
def test_outside(frame, x, y):
    """A target is outside exactly if its own pixel is not in the image."""
    (receipt,) = cut_frame(job(frame, frame.parent, [sky_of(HEADER, x, y)]))
    near = min(abs(x + 0.5), abs(x - 59.5), abs(y + 0.5), abs(y - 39.5))
    if near > 1e-6:
        inside = -0.5 < x < 59.5 and -0.5 < y < 39.5
        assert receipt.problem == ("" if inside else "outside")


def test_other_side_of_the_sky(frame, tmp_path):
    """A target that the projection cannot show is outside; others are cut."""
    there = [(330.0, -2.0), (150.0, 91 - 1e-9 - 1), (float("nan"), 2.0), MIDDLE]
    problems = [receipt.problem for receipt in cut_frame(job(frame, tmp_path, there))]
    assert problems == ["outside"] * 3 + [""]


def test_order_of_receipts(frame, tmp_path):
    """Receipts are in the order of the wanted stamps."""
    wanted = [sky_of(HEADER, x, y) for x, y in [(50, 35), (-9, 3), (5, 2)]]
    receipts = cut_frame(job(frame, tmp_path, wanted, size="3px")).receipts
    assert [r.target for r in receipts] == [0, 1, 2]
    assert [r.file_loc for r in receipts] == ["r/s0.fits", "", "r/s2.fits"]
    assert read(tmp_path, receipts[2])[0][1, 1] == DATA[2, 5]


def test_stamp_wcs(frame, tmp_path):
    """The WCS of the stamp puts the target on the same pixel."""
    place = sky_of(HEADER, 2.3, 37.8)
    (receipt,) = cut_frame(job(frame, tmp_path, [place], size="12px"))
    data, header = read(tmp_path, receipt)
    x, y = WCS(header).all_world2pix(*place, 0)
    assert (x, y) == (pytest.approx(5.3, abs=0.5), pytest.approx(5.8, abs=0.5))
    assert data[round(float(y)), round(float(x))] == DATA[38, 2]


def test_header(frame, tmp_path):
    """The header states unit, band, zero point, target, field and origin."""
    (receipt,) = cut_frame(job(frame, tmp_path, [MIDDLE], name=SDSS_NAME))
    _, header = read(tmp_path, receipt)
    told = {
        "BUNIT": "nanomaggy",
        "FILTER": "r",
        "TELESCOP": "2.5m",
        "OBJECT": "galaxy 0",
        "MAGZERO": 22.5,
        "EXPTIME": 53.907456,
        "SURVEY": "sdss",
        "PRODUCT": SDSS_NAME,
        "SRCURL": f"https://archive.example/{SDSS_NAME}",
        "COVERAGE": 1.0,
        "ORIGIN": "SDSS",
        "RUN": 1043,
        "CAMCOL": 5,
        "FIELD": 25,
        "RERUN": 301,
        "RADESYS": "ICRS",
    }
    assert {key: header[key] for key in told} == told
    assert (header["RA"], header["DEC"]) == MIDDLE
    assert header["CREATOR"].startswith("harvester ")
    assert not {"DATE", "DATE-OBS"} & set(header)


def test_another_frame(tmp_path):
    """A frame whose header belongs to another frame is refused."""
    path = sdss_frame(tmp_path / "frame.fits", DATA)
    with pytest.raises(CorruptFrameError, match="its header belongs to band  run 1043"):
        cut_frame(job(path, tmp_path, [MIDDLE], name=SDSS_NAME.replace("43", "44")))


def test_another_file_without_targets(tmp_path):
    """An HST frame with another name is refused only if no target is in it."""
    primary = {"FILENAME": "ib0001010_drz.fits"}
    path = hst_frame(tmp_path / "f.fits", DATA, primary=primary)
    facts = {"archive": "hst", "name": "ib0002010_drz.fits", "band": "F160W"}
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE], **facts))
    assert not receipt.problem
    with pytest.raises(CorruptFrameError, match="file ib0001010"):
        cut_frame(job(path, tmp_path, [(10.0, 10.0)], **facts))


def test_same_bytes(tmp_path):
    """A stamp has the same bytes from any compression, alone or with others."""
    for name in "12":
        (tmp_path / name).mkdir()
    alone = job(
        sdss_frame(tmp_path / "a.fits", DATA), tmp_path / "1", [MIDDLE], name="f"
    )
    packed = sdss_frame(tmp_path / "a.fits.bz2", DATA)
    many = job(packed, tmp_path / "2", [MIDDLE, sky_of(HEADER, 3, 3)], name="f")
    (first,), (second, _) = cut_frame(alone), cut_frame(many)
    assert first == second
    assert len((tmp_path / "1/r/s0.fits").read_bytes()) == first.size


@pytest.mark.parametrize("fill", [np.nan, 0.0])
def test_nothing_there(tmp_path, fill):
    """A stamp with only NaN or zeros gives "no data", and no file."""
    data = DATA.copy()
    data[:, 35:] = fill
    path = sdss_frame(tmp_path / "f.fits", data)
    receipts = cut_frame(job(path, tmp_path, [sky_of(HEADER, 50, 20), MIDDLE]))
    assert [receipt.problem for receipt in receipts] == ["no_data", ""]
    assert [p.name for p in tmp_path.rglob("s*.fits")] == ["s1.fits"]


def test_bad_pixel_on_target(tmp_path):
    """A target whose own pixel is NaN is still cut."""
    data = DATA.copy()
    data[20, 30] = np.nan
    (receipt,) = cut_frame(
        job(sdss_frame(tmp_path / "f.fits", data), tmp_path, [MIDDLE])
    )
    assert receipt.problem == ""
    assert receipt.coverage == 0.99


def test_sizes_in_arcsec(tmp_path):
    """A size in arcsec is 40 pixels of SDSS and 124 of HST."""
    shape = (150, 150)
    sdss = sdss_frame(tmp_path / "f.fits", noise(shape))
    hst = hst_frame(tmp_path / "h.fits", noise(shape))
    sizes = [
        cut_frame(job(path, tmp_path, [(150.0, 2.0)], size="15.84arcsec", archive=name))
        for path, name in [(sdss, "sdss"), (hst, "hst")]
    ]
    assert [cut.receipts[0].shape for cut in sizes] == [(40, 40), (124, 124)]


def test_weights_mask(tmp_path):
    """Pixels with weight 0 are NaN in HST stamps, whatever value they have."""
    weights = np.ones(SHAPE, np.float32)
    weights[:, :29] = 0
    path = hst_frame(tmp_path / "h.fits", DATA, weights=weights)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE_HST], archive="hst"))
    data, _ = read(tmp_path, receipt)
    assert np.isnan(data[:, :4]).all()
    assert np.isfinite(data[:, 4:]).all()
    assert receipt.coverage == 0.6


MIDDLE_HST = sky_of(tan_header(SHAPE, scale=0.128 / 3600), 30, 20)


def test_header_of_hst(tmp_path):
    """Unit, zero point and exposure time are those of the archive's reading."""
    facts = {"PHOTFLAM": 1.92756e-20, "PHOTPLAM": 15369.18, "BUNIT": "ELECTRONS/S"}
    header = tan_header(SHAPE, scale=0.128 / 3600)
    header.update(facts)
    primary = {"TELESCOP": "HST", "INSTRUME": "WFC3", "EXPTIME": 100.0}
    path = hst_frame(tmp_path / "h.fits", DATA, header=header, primary=primary)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE_HST], archive="hst"))
    _, stamp = read(tmp_path, receipt)
    assert stamp["MAGZERO"] == pytest.approx(25.946, abs=5e-4)
    assert (stamp["INSTRUME"], stamp["EXPTIME"]) == ("WFC3", 100.0)
    assert stamp["BUNIT"] == "electron/s"


def test_unknown_photometry(tmp_path):
    """Unknown unit, zero point and exposure time are left out of the header."""
    path = hst_frame(tmp_path / "h.fits", DATA)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE_HST], archive="hst"))
    _, stamp = read(tmp_path, receipt)
    assert not {"BUNIT", "MAGZERO", "EXPTIME"} & set(stamp)


def test_scaled_integers(tmp_path):
    """BSCALE, BZERO and BLANK are applied."""
    stored = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(">i2")
    image = fits.PrimaryHDU(stored, sdss_header(SHAPE))
    image.header.update({"BSCALE": 0.5, "BZERO": 100.0, "BLANK": int(stored[20, 30])})
    path = tmp_path / "f.fits"
    path.write_bytes(_raw(image.header, stored))
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE], size="2px"))
    data, _ = read(tmp_path, receipt)
    expected = stored[19:21, 29:31] * 0.5 + 100
    expected[1, 1] = np.nan
    np.testing.assert_array_equal(data, expected)


def _raw(header, stored):
    content = header.tostring().encode() + stored.tobytes()
    return content + bytes(-len(content) % 2880)


@pytest.mark.parametrize("kind", ["i1", "i4", "i8", "f8"])
def test_stored_types(tmp_path, kind):
    """Every stored pixel type of FITS is read."""
    stored = (
        np.arange(1, 2401).reshape(SHAPE).astype(np.uint8 if kind == "i1" else kind)
    )
    path = sdss_frame(tmp_path / "f.fits", stored)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE], size="4px"))
    np.testing.assert_array_equal(read(tmp_path, receipt)[0], stored[18:22, 28:32])


BAD_WCS = {
    "none": {"CTYPE1": None, "CTYPE2": None},
    "linear": {"CTYPE1": "X", "CTYPE2": "Y"},
    "galactic": {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "one axis": {"CTYPE2": "VELO"},
    "unknown": {"CTYPE1": "RA---FOO", "CTYPE2": "DEC--FOO"},
    "singular": {"CD1_1": 0.0},
    "no terms": {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
    "text": {"CRVAL1": "somewhere"},
    "wide": {"CD1_1": 10.0, "CD2_2": 10.0},
    "unit": {"CUNIT1": "parsec"},
    "place as text": {"CRVAL1": "150.0"},
    "matrix as text": {"CD1_1": "north"},
    "pole": {"LONPOLE": "north"},
    "B1950": {"EQUINOX": "B1950", "RADESYS": None},
    "equinox 1950": {"EQUINOX": 1950.0, "RADESYS": None},
    "FK4": {"RADESYS": "FK4"},
}


@pytest.mark.parametrize("cards", BAD_WCS.values(), ids=BAD_WCS)
def test_bad_wcs(tmp_path, cards):
    """An image without a usable WCS never gives stamps."""
    header = sdss_header(SHAPE)
    for key, value in cards.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    path = sdss_frame(tmp_path / "f.fits", DATA, header)
    with pytest.raises(BadWcsError, match=r"f\.fits"):
        cut_frame(job(path, tmp_path, [MIDDLE]))


#: Invalid cards that are not needed to place pixels, and the cards of the stamp then.
HARMLESS = {
    "J2000": ({"EQUINOX": "J2000"}, {"EQUINOX": 2000.0}),
    "equinox as text": ({"EQUINOX": "2000.0"}, {"EQUINOX": 2000.0}),
    "odd equinox": ({"EQUINOX": "of date"}, {"EQUINOX": None}),
    "no equinox": ({"EQUINOX": fits.card.Undefined()}, {"EQUINOX": None}),
    "whole equinox": ({"EQUINOX": 2000}, {"EQUINOX": 2000}),
    "odd frame": ({"RADESYS": "HIPPARCOS"}, {"RADESYS": None}),
    "frame as number": ({"RADESYS": 2000.0}, {"RADESYS": None}),
    "frame in small": ({"RADESYS": "icrs"}, {"RADESYS": "ICRS"}),
    "no frame": ({"RADESYS": None, "EPOCH": ""}, {"RADESYS": None}),
    "FK5 of 1950": ({"RADESYS": "FK5", "EQUINOX": 1975.0}, {"RADESYS": "FK5"}),
    "pole as text": ({"LONPOLE": "180.0"}, {"LONPOLE": 180.0}),
    "no pole": ({"LATPOLE": "", "LONPOLE": fits.card.Undefined()}, {"LATPOLE": None}),
    "odd dates": ({"DATE-OBS": "31/12/99?", "MJD-OBS": "unknown"}, {"MJD-OBS": None}),
}


@pytest.mark.parametrize(("cards", "told"), HARMLESS.values(), ids=HARMLESS)
def test_harmless_cards(tmp_path, cards, told):
    """Invalid cards that are not needed to place pixels do not refuse a frame."""
    header = sdss_header(SHAPE)
    for key, value in cards.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    path = sdss_frame(tmp_path / "f.fits", DATA, header)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE], size="5px"))
    data, kept = read(tmp_path, receipt)
    np.testing.assert_array_equal(data, DATA[18:23, 28:33])
    assert {key: kept.get(key) for key in told} == told
    x, y = WCS(kept).all_world2pix(*MIDDLE, 0)
    assert (round(float(x), 3), round(float(y), 3)) == (2.0, 2.0)


def test_unreadable_equinox(tmp_path):
    """An invalid EQUINOX matters only if it is needed to place pixels."""
    header = sdss_header(SHAPE)
    header["EQUINOX"] = 2000.0
    path = sdss_frame(tmp_path / "f.fits", DATA, header)
    content = path.read_bytes()
    card = content[content.index(b"EQUINOX") :][:80]
    path.write_bytes(content.replace(card, b"EQUINOX = 20 00".ljust(80)))
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE], size="5px"))
    np.testing.assert_array_equal(read(tmp_path, receipt)[0], DATA[18:23, 28:33])


def test_case_of_a_text_for_an_equinox(tmp_path, shared):
    """The frame of a bug report gives a stamp with the galaxy in its middle."""
    path = shared / "cases" / "catalogues" / "equinox_text.fits"
    asked = job(path, tmp_path, [(150.1, 2.2)], size="5px", archive="hst", band="F160W")
    (receipt,) = cut_frame(asked)
    _, header = read(tmp_path, receipt)
    assert receipt.shape == (5, 5)
    x, y = WCS(header).all_world2pix(150.1, 2.2, 0)
    assert (abs(float(x) - 2) <= 0.5, abs(float(y) - 2) <= 0.5) == (True, True)


@pytest.mark.parametrize("card", [b"CTYPE1  = 'RA---TAN", b"CRVAL1  = 15 0"])
def test_card_that_is_none(tmp_path, card):
    """A frame is refused if a needed card of its WCS cannot be parsed."""
    path = sdss_frame(tmp_path / "f.fits", DATA)
    content = path.read_bytes()
    sound = content[content.index(card[:8]) :][:80]
    path.write_bytes(content.replace(sound, card.ljust(80)))
    with pytest.raises(BadWcsError):
        cut_frame(job(path, tmp_path, [MIDDLE]))


def test_nan_in_wcs(tmp_path):
    """A WCS with NaN in its reference is refused."""
    path = sdss_frame(tmp_path / "f.fits", DATA)
    content = path.read_bytes()
    card = content[content.index(b"CRVAL1") :][:80]
    path.write_bytes(content.replace(card, b"CRVAL1  =                  NaN".ljust(80)))
    with pytest.raises(BadWcsError):
        cut_frame(job(path, tmp_path, [MIDDLE]))


def test_cube(tmp_path):
    """A primary image that is not two-dimensional is refused."""
    header = sdss_header(SHAPE)
    path = write_fits(
        tmp_path / "f.fits",
        fits.HDUList([fits.PrimaryHDU(np.ones((2, *SHAPE)), header)]),
    )
    with pytest.raises(BadFrameError, match="no image"):
        cut_frame(job(path, tmp_path, [MIDDLE]))


@pytest.mark.parametrize("archive", ["sdss", "hst"])
def test_no_image(tmp_path, archive):
    """A file with headers only is refused."""
    path = write_fits(tmp_path / "f.fits", fits.HDUList([fits.PrimaryHDU()]))
    with pytest.raises(BadFrameError, match="no image"):
        cut_frame(job(path, tmp_path, [MIDDLE], archive=archive))


def test_damaged_frame(tmp_path):
    """Damage in the needed rows is found before a stamp is written."""
    data = noise((600, 800))
    path = sdss_frame(tmp_path / "f.fits.bz2", data)
    packed = bytearray(path.read_bytes())
    packed[-60_000] ^= 1
    path.write_bytes(packed)
    header = sdss_header(data.shape)
    wanted = [sky_of(header, 400, 20), sky_of(header, 400, 590)]
    with pytest.raises(CorruptFrameError):
        cut_frame(job(path, tmp_path, wanted))
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", ["é\n\0" * 99, "'" * 300, "", "-", "x" * 300])
def test_hostile_identifier(frame, tmp_path, name):
    """Any identifier gives a valid header."""
    asked = job(frame, tmp_path, [MIDDLE])
    wanted = type(asked.wanted[0])(0, name, *MIDDLE, "r/s0.fits")
    (receipt,) = cut_frame(
        type(asked)(asked.product, asked.path, asked.root, (wanted,), asked.spec)
    )
    with fits.open(tmp_path / receipt.file_loc) as hdus:
        hdus.verify("exception")
        told = hdus[0].header["OBJECT"]
    assert told.isascii()
    assert len(told) <= 60
    assert hdus[0].header["RA"] == MIDDLE[0]


def test_dirty_header(tmp_path):
    """A frame whose header has characters that FITS forbids is read."""
    path = sdss_frame(tmp_path / "f.fits", DATA)
    content = path.read_bytes().replace(b"'2.5m    '", b"'2\xe9\x00\x09    '")
    path.write_bytes(content)
    (receipt,) = cut_frame(job(path, tmp_path, [MIDDLE]))
    assert read(tmp_path, receipt)[1]["TELESCOP"] == "2???"


def test_output_on_a_file(frame, tmp_path):
    """An output folder that is a file is a local error."""
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(LocalError, match="out"):
        cut_frame(job(frame, tmp_path / "out", [MIDDLE]))


def test_in_another_process(frame, tmp_path):
    """Jobs, receipts and errors can be sent through a process pool."""
    asked = job(frame, tmp_path, [MIDDLE])
    assert pickle.loads(pickle.dumps(asked)) == asked
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        (receipt,) = pool.submit(cut_frame, asked).result()
        frame.write_bytes(b"<html>")
        failed = pool.submit(cut_frame, asked).exception()
    assert (tmp_path / receipt.file_loc).stat().st_size == receipt.size
    assert isinstance(failed, CorruptFrameError)
    assert failed.reason == "corrupt"


def real_job(shared, band, root, folder="sdss"):
    """Request the galaxy that was measured by hand in three real frames."""
    name = SDSS_NAME.replace("-r-", f"-{band}-")
    truth = json.loads((shared / folder / "truth_open.json").read_text())
    (galaxy,) = truth[name.removesuffix(".fits.bz2")]
    place = [(galaxy["ra"], galaxy["dec"])]
    path = shared / folder / name
    return job(path, root, place, size="15.84arcsec", band=band), galaxy


@pytest.mark.parametrize("band", "gri")
def test_real_galaxy(shared, tmp_path, band):
    """A real galaxy has its brightest pixel in the middle, in each band."""
    asked, galaxy = real_job(shared, band, tmp_path, "data/sdss")
    (receipt,) = cut_frame(asked)
    data, header = read(tmp_path, receipt)
    assert receipt.shape == (40, 40)
    with bz2.open(asked.path) as whole:
        image = fits.HDUList.fromstring(whole.read())[0].data
    column, row = (round(galaxy["x"]) - 20, round(galaxy["y"]) - 20)
    near = image[row - 1 : row + 42, column - 1 : column + 42]
    windows = np.lib.stride_tricks.sliding_window_view(near, data.shape)
    assert (windows == data).all(axis=(2, 3)).sum() == 1
    peak = np.unravel_index(np.argmax(data), data.shape)
    x, y = WCS(header).all_world2pix(galaxy["ra"], galaxy["dec"], 0)
    assert np.abs(np.subtract(peak, (19.5, 19.5))).max() <= 1.5
    assert np.abs(np.subtract(peak, (y, x))).max() <= 1
    assert header["BUNIT"] == "nanomaggy"
    assert header["FIELD"] == 25


@pytest.mark.parametrize("number", [5, 14])
def test_left_over_distortion(shared, tmp_path, number):
    """SIP terms that CTYPE does not state are not applied: H and J agree."""
    places = {}
    for band, letter in [("f160w", "H"), ("f125w", "J")]:
        path = shared / f"data/hst/candels_uds_{band}_{letter}.gf{number}.fits"
        header = fits.getheader(path, 1)
        assert "A_ORDER" in header
        plain = fits.Header(
            [
                card
                for card in header.cards
                if card.keyword.split("_")[0] not in {"A", "B", "AP", "BP"}
            ]
        )
        shape = header["NAXIS2"], header["NAXIS1"]
        place = sky_of(plain, shape[1] // 2, shape[0] // 2)
        asked = job(path, tmp_path, [place], size="9px", archive="hst", band=band)
        (receipt,) = cut_frame(asked)
        data, stamp = read(tmp_path, receipt)
        middle = fits.getdata(path, 1)[shape[0] // 2, shape[1] // 2]
        assert data[4, 4] == middle
        assert stamp["MAGZERO"] == pytest.approx(
            {"H": 25.96, "J": 26.25}[letter], abs=0.03
        )
        places[band] = sky_of(stamp, 4, 4)
    assert np.abs(np.subtract(*places.values())).max() < 1e-5


def test_real_distortion(shared, tmp_path):
    """SIP terms that CTYPE states are applied, and kept in the stamp."""
    path = shared / "data/hst/sample_svm_flc.fits"
    with fits.open(path) as hdus:
        header, data = hdus["SCI"].header, hdus["SCI"].data
        kept = fits.Header(
            [
                c
                for c in header.cards
                if not c.keyword.startswith(("CPDIS", "DP1", "DP2", "D2IM"))
            ]
        )
        place = sky_of(kept, 4, 6)
    (receipt,) = cut_frame(job(path, tmp_path, [place], size="3px", archive="hst"))
    stamp, told = read(tmp_path, receipt)
    np.testing.assert_array_equal(stamp, data[5:8, 3:6])
    assert sky_of(told, 1, 1) == pytest.approx(place, abs=1e-9)

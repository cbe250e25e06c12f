"""Frames compressed tile by tile give the same stamps as the plain file."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from make_frames import hst_frame, job, noise, sky_of, tan_header

from harvester.cutouts import tiles
from harvester.cutouts.cutouts import cut_frame
from harvester.cutouts.frame_file import (
    BadFrameError,
    CorruptFrameError,
    verify_frame,
)

SHAPE = (200, 300)
HEADER = tan_header(SHAPE, scale=0.128 / 3600)
#: Positions in the middle, across a corner, and outside.
PLACES = [sky_of(HEADER, x, y) for x, y in [(150, 100), (2, 197), (40, 31), (900, 9)]]


def packed(path, plain, tile=None, **cards):
    """Write a plain file again with its images compressed without loss."""
    tile = tile or (7, SHAPE[1])
    with fits.open(plain, do_not_scale_image_data=True) as hdus:
        found = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
        for hdu in hdus:
            if hdu.data is None:
                continue
            is_whole_number = hdu.data.dtype.kind != "f"
            found.append(
                fits.CompImageHDU(
                    hdu.data,
                    hdu.header,
                    compression_type="RICE_1" if is_whole_number else "GZIP_2",
                    quantize_level=0.0,
                    tile_shape=tuple(map(min, tile, hdu.shape)),
                )
            )
        found.writeto(path)
    for number in range(1, len(found)):
        for key, value in cards.items():
            with fits.open(path, "update", disable_image_compression=True) as hdus:
                hdus[number].header[key] = value
    return path


def stamps(path, folder, name="a_drz.fits.fz", **asked):
    """Cut stamps; return the problem or the bytes of each, and the bytes needed."""
    asked = {"places": PLACES, "archive": "hst"} | asked
    cut = cut_frame(job(path, folder, name=name, **asked))
    found = [r.problem or (folder / r.file_loc).read_bytes() for r in cut.receipts]
    return found, cut.needed


@pytest.fixture
def folders(tmp_path):
    """Return an empty folder for the stamps of each file."""
    found = tmp_path / "plain", tmp_path / "packed"
    for folder in found:
        folder.mkdir()
    return found


@pytest.fixture
def plain(tmp_path):
    """Write a drizzled frame whose weights have holes."""
    weights = (np.abs(noise(SHAPE, 2)) > 0.3).astype(np.float32)
    return hst_frame(tmp_path / "a.fits", noise(SHAPE), weights=weights, header=HEADER)


@pytest.mark.parametrize("tile", [(1, 300), (7, 300), (64, 64), (200, 300)])
@pytest.mark.parametrize("mode", ["partial", "trim"])
def test_same_stamps(tmp_path, folders, plain, tile, mode):
    """Floats compressed by gzip give the stamps of the plain file, byte by byte."""
    path = packed(tmp_path / "a.fits.fz", plain, tile)
    verify_frame(path)
    expected, needed = stamps(plain, folders[0], mode=mode)
    found, needed_packed = stamps(path, folders[1], mode=mode)
    assert found == expected
    assert found[3] == "outside"
    assert 0 < needed_packed < path.stat().st_size
    assert needed > 0


@pytest.mark.parametrize("kind", ["i2", "i4"])
def test_scaled_integers(tmp_path, folders, kind):
    """Integers compressed by Rice keep their scale and their blank value."""
    data = (100 * noise(SHAPE)).astype(kind)
    plain = hst_frame(tmp_path / "a.fits", data, header=HEADER)
    path = packed(tmp_path / "a.fits.fz", plain, BSCALE=0.5, BZERO=3.0, BLANK=7)
    with fits.open(plain, "update", do_not_scale_image_data=True) as hdus:
        hdus[1].header.update(BSCALE=0.5, BZERO=3.0, BLANK=7)
    expected, _ = stamps(plain, folders[0])
    found, _ = stamps(path, folders[1])
    assert found == expected
    stamp = fits.getdata(folders[1] / "r/s0.fits")
    stored = data[95:105, 145:155]
    blank = stored == 7
    np.testing.assert_array_equal(stamp, np.where(blank, np.nan, 3 + 0.5 * stored))


def test_real_pixels(shared, tmp_path, folders):
    """Stamps of a real image are the same, compressed or not."""
    plain = shared / "data/hst/abell_2744_dwarf_galaxy_f105w.fits.gz"
    with fits.open(plain) as hdus:
        sky = WCS(hdus[0].header).wcs_pix2world([[99.7, 99.7], [12, 150]], 0)
        data = hdus[0].data
    path = packed(tmp_path / "real.fits.fz", plain)
    asked = {"places": sky.tolist(), "size": "40px", "name": "real_drz.fits"}
    found, _ = stamps(path, folders[1], **asked)
    assert found == stamps(plain, folders[0], **asked)[0]
    stamp = fits.getdata(folders[1] / "r/s0.fits")
    np.testing.assert_array_equal(stamp, data[80:120, 80:120])


def test_no_more_is_unpacked(tmp_path, folders, plain, monkeypatch):
    """Only the tiles with the needed rows of an image are decompressed."""
    path, asked = packed(tmp_path / "a.fits.fz", plain), []
    section = fits.CompImageSection.__getitem__

    def watched(self, index):
        asked.append(index[0].stop - index[0].start)
        return section(self, index)

    monkeypatch.setattr(fits.CompImageSection, "__getitem__", watched)
    stamps(path, folders[0], places=PLACES[:1])
    assert asked == [10, 10]


@pytest.mark.parametrize(
    "cards",
    [
        {"ZNAXIS1": 10**6, "ZNAXIS2": 10**6},
        {"ZTILE1": 10**6, "ZTILE2": 10**6},
        {"ZNAXIS1": -4},
        {"ZTILE2": 0},
        {"ZCMPTYPE": "ZIP_7"},
        {"ZNAXIS": 0},
    ],
)
def test_impossible_images(tmp_path, folders, plain, monkeypatch, cards):
    """A header with an impossible image is refused before decompressing."""
    path = packed(tmp_path / "a.fits.fz", plain, **cards)
    monkeypatch.delattr(fits.CompImageSection, "__getitem__")
    with pytest.raises(BadFrameError):
        stamps(path, folders[0])


def test_limit(tmp_path, folders, plain, monkeypatch):
    """An image of exactly the size limit is cut; a larger one is refused."""
    path = packed(tmp_path / "a.fits.fz", plain)
    monkeypatch.setattr(tiles, "MAX_IMAGE", 4 * SHAPE[0] * SHAPE[1])
    assert stamps(path, folders[0])
    monkeypatch.setattr(tiles, "MAX_IMAGE", 4 * SHAPE[0] * SHAPE[1] - 1)
    with pytest.raises(BadFrameError, match=r"a\.fits\.fz: .* compressed image"):
        stamps(path, folders[0])


def test_damage(tmp_path, folders, plain):
    """A file with damaged tiles is refused as corrupt, or gives its stamps."""
    path = packed(tmp_path / "a.fits.fz", plain)
    content, numbers = path.read_bytes(), np.random.default_rng(4)
    corrupt = 0
    for _ in range(60):
        broken = bytearray(content)
        place = int(numbers.integers(2880, len(broken)))
        broken[place : place + 40] = numbers.bytes(40)
        path.write_bytes(broken[: len(content)])
        try:
            stamps(path, folders[0])
        except (CorruptFrameError, BadFrameError):
            corrupt += 1
    assert corrupt > 5


def test_only_of_hst(tmp_path, folders, plain):
    """In an SDSS frame a tiled image is not read: the frame has no image."""
    path = packed(tmp_path / "a.fits.fz", plain)
    asked = job(path, folders[0], PLACES, archive="sdss", name="a.fits.fz")
    with pytest.raises(BadFrameError, match="no image"):
        cut_frame(asked)


def test_packed_once_more(tmp_path, folders, plain):
    """A tiled image in a file that is compressed as a whole is not read."""
    path = packed(tmp_path / "a.fits.fz", plain)
    asked = job(path, folders[0], PLACES, archive="hst")
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(BadFrameError, match="no image"):
        cut_frame(replace(asked, path=str(path)))

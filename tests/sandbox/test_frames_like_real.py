"""Properties that real SDSS frames and those of the sandbox share, bit for bit.

The same assertions hold for both. What a program may rely on to take a frame apart into
its blocks of bzip2 must be in the real ones; what it must bear is in the sandbox too.
"""

from __future__ import annotations

import bz2
import io
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits

from harvester.sandbox.damage import remade
from harvester.sandbox.paint_sdss import sdss_frame
from harvester.sandbox.sky import Sky

# The survey's DATE-OBS has no time; astropy warns about it for every frame.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:.*datfix")]

#: Names of real frames, and places of fields in the sandbox's sky with their bands.
REAL = [
    *("g-001043-5-0025", "g-003918-3-0213", "i-001043-5-0025", "i-003918-3-0213"),
    *("i-005405-6-0099", "r-001035-6-0017", "r-001043-5-0025", "r-002583-2-0136"),
    *("r-003918-3-0213", "r-008162-6-0080", "u-003918-3-0213", "u-008162-6-0080"),
    "z-003918-3-0213",
]
PAINTED = [(1, "r"), (3, "r"), (5, "u"), (2, "g"), (4, "i"), (6, "z")]
COLUMNS = 2048
#: Bits of a block's mark, and of the mark that follows the last block.
MARK, END = (f"{mark:048b}" for mark in (0x314159265359, 0x177245385090))
#: Raw bytes of a block of bzip2 -9, after its first stage.
FULL = 899_981


class Frame(NamedTuple):
    """A packed frame and what is in it."""

    packed: bytes
    plain: bytes
    hdus: fits.HDUList

    @classmethod
    def of(cls, packed, plain):
        """Take a frame apart."""
        return cls(packed, plain, fits.open(io.BytesIO(plain)))

    @classmethod
    def painted(cls, sky, place, band):
        """Paint a frame, and pack it as the sandbox does."""
        plain = sdss_frame(sky, list(sky.fields)[place], band)
        return cls.of(bz2.compress(plain), plain)

    @property
    def image(self):
        """The pixels as floats of this machine."""
        return self.hdus[0].data.astype("f4")


@pytest.fixture(scope="module")
def sky():
    """Make a sky with fields in several runs."""
    return Sky.make(7, targets=200)


@pytest.fixture(scope="module", params=[*REAL, *PAINTED], ids=str)
def frame(request, sky):
    """Give real frames and painted ones, one after the other."""
    if isinstance(request.param, tuple):
        return Frame.painted(sky, *request.param)
    name = f"frame-{request.param}.fits.bz2"
    shared, unpacked = map(request.getfixturevalue, ("shared", "unpacked"))
    packed = (shared / "data/sdss" / name).read_bytes()
    return Frame.of(packed, unpacked(name).read_bytes())


def night_of(frame, rows):
    """Interpolate the sky that the survey subtracted, in some rows of the image."""
    table = frame.hdus[2].data
    allsky = table["ALLSKY"][0].astype(float)
    x, y = (table[name][0].astype(float) for name in ("XINTERP", "YINTERP"))
    ny, nx = allsky.shape
    part = np.array([np.interp(x, np.arange(nx), line) for line in allsky])
    y = y[rows].clip(0, ny - 1)
    low = np.minimum(y.astype(int), ny - 2)
    return part[low] + (part[low + 1] - part[low]) * (y - low)[:, None]


def unproved(frame, rows, step=0):
    """Give the part of pixels that counts, calibration and sky do not give bit for bit.

    The pixels are those of some rows, taken ``step`` columns from their place.
    """
    flat, calibration = frame.image.ravel(), frame.hdus[1].data.astype(float)
    pixels = np.array([flat[y * COLUMNS + step :][:COLUMNS] for y in rows])
    night = night_of(frame, rows)
    light = np.rint(pixels / calibration + night) - night
    again = (light * calibration).astype("f4").view("i4")
    differs = ((again + (1 << 13)) & -(1 << 14)) != pixels.view("i4")
    counts = (np.abs(light) > 0.5) & (np.abs(light) < 400)
    return differs[counts].mean()


def bits_of(packed):
    """Write bytes as a text of zeros and ones."""
    return bin(int.from_bytes(b"\1" + packed))[3:]


def blocks_of(packed):
    """Unpack each block of a bzip2 file alone, by the marks between them."""
    bits = bits_of(packed)
    for block in bits[: bits.rindex(END)].split(MARK)[1:]:
        body = MARK + block + END + block[:32]
        body += "0" * (-len(body) % 8)
        yield bz2.decompress(b"BZh9" + int(body, 2).to_bytes(len(body) // 8))


def painted(sky, place, band):
    """Paint a frame, and open it."""
    return fits.open(io.BytesIO(sdss_frame(sky, list(sky.fields)[place], band)))


def test_proof(frame):
    """Whole counts, calibration and sky give the pixels, at their place alone."""
    rows = np.arange(10, 1480, 90)
    assert unproved(frame, rows) < 0.00165
    assert min(unproved(frame, rows, step) for step in (-16, -2, -1, 1, 2, 16)) > 0.035


def test_kept_bits(frame):
    """Pixels have ten significant bits, as a card says, and fill the tenth."""
    bits = frame.image.view("i4")
    assert not (bits & 0x3FFF).any()
    assert (bits & 0x4000).any()
    assert "FLOATCOMPRESS" in str(frame.hdus[0].header["COMMENT"])


def test_places(frame):
    """All HDUs have as many bytes as those of real frames."""
    starts = [hdu.fileinfo()["hdrLoc"] for hdu in frame.hdus]
    pixels = [hdu.fileinfo()["datLoc"] for hdu in frame.hdus]
    assert np.subtract(pixels, starts).tolist() == [8640, 2880, 2880, 8640]
    assert starts[:3] == [0, 12_208_320, 12_219_840]
    rows = frame.hdus[2].data["ALLSKY"].shape[1]
    assert rows in {171, 191, 192}
    table = 4 * (256 * rows + 2048 + 1489)
    assert starts[3] == pixels[2] + table + -table % 2880
    assert len(frame.plain) == pixels[3] + 2880


def test_calibration(frame):
    """The calibration varies by a few percent, and has steps from column to column."""
    calibration = frame.hdus[1].data.astype(float)
    relative = calibration / calibration.mean()
    assert 0.0005 < relative.std() < 0.03
    steps = np.abs(np.diff(relative))
    assert 0.00005 < steps.std() < 0.0005
    # Steps of the flat field stand out, all others are a small part of one.
    assert 0.01 < (steps > 3.5e-4).mean() < 0.6
    assert np.median(steps) < 3e-4


def test_sky(frame):
    """The sky varies by less than 2 counts, on a grid of 8 x 8 pixels."""
    table = frame.hdus[2].data
    assert 0.05 < np.ptp(table["ALLSKY"]) < 2
    assert table["XINTERP"][0] == pytest.approx((np.arange(2048) + 0.5) / 8 - 0.5)
    before = table["YINTERP"][0] - (np.arange(1489) + 0.5) / 8 + 0.5
    assert before == pytest.approx(0 if table["ALLSKY"].shape[1] == 191 else 1)


def test_counts(frame):
    """Counts are those of a sky, of its noise and of stars up to a full well."""
    night = night_of(frame, np.arange(1489))
    counts = np.rint(frame.image / frame.hdus[1].data + night)
    assert 10_000 < counts.max() < 65_536
    assert counts.min() > -20
    # Neighbouring pixels differ by their noise, even on a galaxy that fills the frame.
    noise = np.median(np.abs(np.diff(counts))) * 1.4826 / np.sqrt(2)
    assert 2 < noise < 12


def test_packed(frame):
    """A packed frame is one stream of 14 blocks that are alike in size."""
    assert frame.packed.startswith(b"BZh9")
    assert 2_800_000 < len(frame.packed) < 4_100_000
    bits = bits_of(frame.packed)
    assert bits.startswith(MARK, 32)
    assert bits.count(MARK) == 14
    assert bits.count(END) == 1
    assert len(bits) - bits.index(END) < 88


def test_cards(unpacked, sky):
    """The first header has the keywords of a real one, in order, with their types."""
    with fits.open(unpacked("frame-r-003918-3-0213.fits.bz2")) as hdus:
        real = hdus[0].header
    ours = fits.Header.fromstring(sdss_frame(sky, next(iter(sky.fields)), "r")[:8640])
    assert list(ours) == list(real)
    assert {key: type(value) for key, value in ours.items()} == {
        key: type(value) for key, value in real.items()
    }


def test_remade(sky):
    """A frame of another calibration has other pixels, and they are proved as well."""
    old = Frame.painted(sky, 2, "r")
    packed = remade(old.packed)
    new = Frame.of(packed, bz2.decompress(packed))
    assert (new.image == 2 * old.image).all()
    assert (new.hdus[1].data == 2 * old.hdus[1].data).all()
    assert unproved(new, np.arange(10, 1480, 90)) < 0.00165


def raw_sizes(packed):
    """Unpack the blocks of a frame, and give how many bytes more than full each is."""
    blocks = list(blocks_of(packed))
    assert b"".join(blocks) == bz2.decompress(packed)
    return [len(block) - FULL for block in blocks]


@pytest.mark.parametrize("name", [REAL[8], ""])
def test_blocks(request, sky, name):
    """Blocks unpack alone; they are full, but for a few bytes where runs end."""
    if name:
        folder = request.getfixturevalue("shared") / "data/sdss"
        packed = (folder / f"frame-{name}.fits.bz2").read_bytes()
    else:
        packed = bz2.compress(sdss_frame(sky, list(sky.fields)[1], "r"))
    first, *middle, last = raw_sizes(packed)
    assert 3500 < first < 4100
    assert 0 <= min(middle) <= max(middle) <= 6
    assert last < 0


def test_lost_rows(sky):
    """Rows that a frame lacks are 0, its header says how many, and its blocks shift."""
    plain = sdss_frame(sky, list(sky.fields)[3], "r")
    hdus = fits.open(io.BytesIO(plain))
    (rows,) = np.nonzero((hdus[0].data == 0).all(axis=1))
    assert len(rows) == hdus[0].header["BADLINES"] == np.ptp(rows) + 1 > 8
    assert max(raw_sizes(bz2.compress(plain))[1:-1]) > 8000 * (len(rows) - 1)


def test_lost_rows_are_rare(sky):
    """Most frames lack no row, and then no row is 0."""
    whole = 0
    for place in (0, 4, 8):
        for band in "ugriz":
            hdus = painted(sky, place, band)
            empty = (hdus[0].data == 0).all(axis=1).sum()
            assert empty == hdus[0].header["BADLINES"]
            whole += empty == 0
    assert whole >= 10


def test_full_wells(sky):
    """In some frames stars are cut off where the wells of the CCD are full."""
    cut = 0
    for place in range(4):
        hdus = painted(sky, place, "r")
        counts = hdus[0].data / hdus[1].data
        cut = max(cut, (counts > 0.995 * counts.max()).sum())
    assert cut > 5

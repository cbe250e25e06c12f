from __future__ import annotations

import bz2
import gzip
import pickle
import resource

import numpy as np
import pytest
from astropy.io import fits
from make_frames import hst_frame, noise, sdss_frame

from harvester.cutouts import frame_bytes
from harvester.cutouts.bz2_blocks import BlockScan, block_size
from harvester.cutouts.frame_file import (
    BadFrameError,
    CorruptFrameError,
    open_frame,
    verify_frame,
)
from harvester.errors import LocalError, OutageError
from harvester.models import HeldPart

SHAPE = (300, 400)


@pytest.fixture
def frame(tmp_path):
    """Return a small SDSS frame, compressed by bz2."""
    return sdss_frame(tmp_path / "f.fits.bz2", noise(SHAPE))


def read_rows(path, stop=SHAPE[0]):
    """Return the verified rows of the primary image before ``stop``."""
    with open_frame(path) as opened:
        image = next(opened.hdus())
        opened.prove(image, stop)
        return opened.rows(image, 0, stop)


def header_file(path, **cards):
    """Write only a primary header, with these cards instead of those of an image."""
    header = fits.PrimaryHDU(np.zeros((4, 4), np.float32)).header
    header.update(cards)
    path.write_bytes(header.tostring().encode())
    return path


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.bz2"])
def test_any_packing(tmp_path, suffix):
    """Plain, gzip and bz2 files give the same pixels."""
    data = noise(SHAPE)
    path = sdss_frame(tmp_path / f"f{suffix}", data)
    verify_frame(path)
    np.testing.assert_array_equal(read_rows(path), data)


def test_held_part(tmp_path):
    """Of a part of a frame only the rows that it holds can be read."""
    path = sdss_frame(tmp_path / "f.fits", noise(SHAPE))
    row = 4 * SHAPE[1]
    held = HeldPart(((0, 2880), (2880 + 50 * row, 2880 + 60 * row)), 123)
    with open_frame(path, is_whole=False, held=held) as opened:
        image = next(opened.hdus())
        opened.prove(image, 60, 50)
        assert opened.read == 123
        for stop, start in ((61, 50), (60, 49), (10, 0)):
            with pytest.raises(CorruptFrameError, match="not fetched"):
                opened.prove(image, stop, start)


def test_name_is_not_believed(tmp_path):
    """The first bytes decide how a file is compressed, not its name."""
    data = noise(SHAPE)
    path = sdss_frame(tmp_path / "f.fits", data).rename(tmp_path / "f.fits.bz2")
    np.testing.assert_array_equal(read_rows(path), data)


def test_several_streams(frame):
    """A bz2 file of two streams is read as one."""
    plain = bz2.decompress(frame.read_bytes())
    frame.write_bytes(bz2.compress(plain[:100_000]) + bz2.compress(plain[100_000:]))
    verify_frame(frame)
    np.testing.assert_array_equal(read_rows(frame), noise(SHAPE))


@pytest.mark.parametrize("left", [5, 1000, 200_000, -1, -11])
def test_cut_short_bz2(frame, left):
    """A truncated bz2 file is refused, even without decompressing it."""
    frame.write_bytes(frame.read_bytes()[:left])
    with pytest.raises(CorruptFrameError, match="truncated"):
        verify_frame(frame)
    with pytest.raises(CorruptFrameError):
        read_rows(frame, 1)


@pytest.mark.parametrize("more", [b"\0", b"<html>", b"BZh9", bytes(5000)])
def test_trailing_garbage(frame, more):
    """A bz2 file with anything behind its streams is refused."""
    frame.write_bytes(frame.read_bytes() + more)
    with pytest.raises(CorruptFrameError):
        verify_frame(frame)


def test_garbage_between_streams(frame):
    """Garbage before a valid end of a stream is found when it is reached."""
    packed = frame.read_bytes()
    frame.write_bytes(packed + b"garbage" + packed)
    with (
        pytest.raises(CorruptFrameError, match="damaged"),
        open_frame(frame) as opened,
    ):
        list(opened.hdus())


def test_flipped_bit(frame):
    """A flipped bit in the needed part of a bz2 file is found by its checksum."""
    frame = sdss_frame(frame, noise((700, 1000)))
    packed = bytearray(frame.read_bytes())
    packed[len(packed) // 2] ^= 4
    frame.write_bytes(packed)
    verify_frame(frame)
    with pytest.raises(CorruptFrameError, match="damaged"):
        read_rows(frame, 700)


def test_flipped_bit_below(tmp_path):
    """Rows are returned only after the checksum of their bz2 block was verified."""
    path = sdss_frame(tmp_path / "f.fits.bz2", noise((700, 1000)))
    packed = bytearray(path.read_bytes())
    # The first block contains about 220 rows; the damage is in it, behind row 1.
    packed[len(packed) // 5] ^= 1
    path.write_bytes(packed)
    with pytest.raises(CorruptFrameError):
        read_rows(path, 1)


@pytest.fixture
def unpacked(monkeypatch):
    """Count the bytes that are decompressed from bz2 files."""
    sizes = []
    bunzip = frame_bytes._bunzip

    def counted(file, *, is_whole):
        for step in bunzip(file, is_whole=is_whole):
            sizes.append(len(step[0]))
            yield step

    monkeypatch.setattr(frame_bytes, "_bunzip", counted)
    return sizes


@pytest.mark.parametrize("stop", [1, 100, 222, 223, 700])
def test_early_stop(tmp_path, unpacked, stop):
    """A bz2 file is decompressed only up to the block with the last needed row."""
    path = sdss_frame(tmp_path / "f.fits.bz2", noise((1500, 1000)))
    read_rows(path, stop)
    needed = 2880 + 4000 * stop
    assert needed <= sum(unpacked) < needed + 910_000
    assert sum(unpacked[:-1]) < needed


def test_flipped_bit_behind(tmp_path):
    """A flipped bit behind the last needed block does not matter."""
    path = sdss_frame(tmp_path / "f.fits.bz2", noise((1500, 1000)))
    rows = read_rows(path, 400)
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 4
    path.write_bytes(packed)
    np.testing.assert_array_equal(read_rows(path, 400), rows)
    with pytest.raises(CorruptFrameError, match="damaged"):
        read_rows(path, 1400)


def test_runs(tmp_path):
    """Runs of equal bytes, which bz2 shortens, are returned only when verified."""
    data = np.zeros((1500, 1000), np.float32)
    data[:3] = 1
    path = sdss_frame(tmp_path / "f.fits.bz2", data)
    np.testing.assert_array_equal(read_rows(path, 5), data[:5])


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_beginning_of_a_file(tmp_path, part):
    """From the beginning of a file only the rows in complete blocks are read."""
    data = noise((1500, 1000))
    path = sdss_frame(tmp_path / "f.fits.bz2", data)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with open_frame(path, is_whole=False) as opened:
        image = next(opened.hdus())
        held = int(1500 * part) // 225 * 225 - 5
        opened.prove(image, held)
        np.testing.assert_array_equal(opened.rows(image, 0, held), data[:held])
        with pytest.raises(CorruptFrameError, match="but needs at least"):
            opened.prove(image, int(1500 * part) + 10)
    with pytest.raises(CorruptFrameError, match="truncated"), open_frame(path):
        pass


def read_for(path, stop, *, is_whole):
    """Return how many compressed bytes were read for the rows before ``stop``."""
    with open_frame(path, is_whole=is_whole) as opened:
        opened.prove(next(opened.hdus()), stop)
        return opened.read


@pytest.mark.parametrize("stop", [1, 300, 800, 1100])
def test_read_to_the_end_of_a_block(tmp_path, stop):
    """The bytes read end with a block, also in a file that was truncated there."""
    path = sdss_frame(tmp_path / "f.fits.bz2", noise((1500, 1000)))
    packed = path.read_bytes()
    places = [start.place for start in BlockScan().feed(packed)]
    read = read_for(path, stop, is_whole=True)
    assert read in places[1:]
    blocks = -(-(2880 + 4000 * stop) // (block_size(packed)))
    assert abs(places.index(read) - blocks) <= 1
    for more in [7, 9_000, 40_000]:
        path.write_bytes(packed[: read + more])
        assert read_for(path, stop, is_whole=False) == read


def test_bomb(tmp_path):
    """A few bytes that decompress to 100 MiB are refused, and never kept in memory."""
    path = header_file(tmp_path / "bomb.fits.bz2", NAXIS1=4000, NAXIS2=3800)
    path.write_bytes(bz2.compress(path.read_bytes() + bytes(100 * 2**20)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CorruptFrameError, match="decompresses to more"):
        read_rows(path, 3800)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 2**10  # kilobytes


@pytest.mark.parametrize("content", [b"", b"<html>down</html>", b"BZh", b"\x1f\x8b"])
def test_no_fits(tmp_path, content):
    """An empty file, an error page and only magic bytes are refused."""
    path = tmp_path / "f.fits"
    path.write_bytes(content)
    with pytest.raises(CorruptFrameError, match=r"f\.fits"):
        read_rows(path)


@pytest.mark.parametrize(
    "words",
    [
        b"ERROR: Maximum 60 queries allowed per minute. Rejected query.",
        b'{"error": "Service Unavailable"}\n',
        "Wartung bis 18 Uhr, wir bitten um Verst\u00e4ndnis".encode(),
    ],
)
def test_words_for_a_frame(tmp_path, words):
    """A short text with status 200 is an outage of the archive, not a bad file."""
    path = tmp_path / "f.fits.bz2"
    path.write_bytes(words)
    with pytest.raises(OutageError, match=r"the text"):
        verify_frame(path)


@pytest.mark.parametrize(
    "piece", [b"", b"BZh9", b"SIMPLE  =   ", b"\0\1\2 words", b"x" * 5000]
)
def test_no_words(tmp_path, piece):
    """Part of a frame, an empty file or noise is a damaged frame."""
    path = tmp_path / "f.fits.bz2"
    path.write_bytes(piece)
    with pytest.raises(CorruptFrameError):
        verify_frame(path)


@pytest.mark.parametrize("suffix", [".fits.bz2", ".fits.gz"])
def test_packed_page(tmp_path, suffix):
    """A compressed file that does not contain FITS is refused."""
    path = tmp_path / f"f{suffix}"
    page = b"<html>" * 1000
    path.write_bytes(bz2.compress(page) if "bz2" in suffix else gzip.compress(page))
    with pytest.raises(CorruptFrameError, match="no FITS header"):
        read_rows(path)


def test_damaged_gzip(tmp_path):
    """A truncated gzip file is refused."""
    path = sdss_frame(tmp_path / "f.fits.gz", noise(SHAPE))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CorruptFrameError, match="gzip"):
        read_rows(path)


@pytest.mark.parametrize("change", [-1, -2880, -100_000, 1, 2880])
def test_plain_length(tmp_path, change):
    """A plain file must have exactly the bytes that its headers state."""
    data = noise(SHAPE)
    path = hst_frame(tmp_path / "f.fits", data, weights=np.ones(SHAPE, np.float32))
    verify_frame(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:change] if change < 0 else whole + bytes(change))
    with pytest.raises(CorruptFrameError):
        verify_frame(path)


@pytest.mark.parametrize("packed", [True, False])
def test_giant_header(tmp_path, packed):
    """A header of 10^12 pixels is refused before memory is allocated."""
    path = header_file(tmp_path / "f.fits", NAXIS1=10**6, NAXIS2=10**6)
    if packed:
        path.write_bytes(bz2.compress(path.read_bytes()))
    with pytest.raises((CorruptFrameError, BadFrameError), match="states 4000000"):
        read_rows(path, 1)


@pytest.mark.parametrize(
    "cards",
    [
        {"BITPIX": -33},
        {"BITPIX": 10**9},
        {"NAXIS1": -4},
        {"NAXIS": 1000},
        {"PCOUNT": -9},
    ],
)
def test_impossible_sizes(tmp_path, cards):
    """Sizes that the standard does not allow are refused permanently."""
    with pytest.raises(BadFrameError):
        verify_frame(header_file(tmp_path / "f.fits", **cards))


def test_header_without_end(tmp_path):
    """A header without END is refused."""
    path = tmp_path / "f.fits"
    card = b"SIMPLE  =                    T".ljust(80)
    path.write_bytes(card + b"COMMENT ".ljust(80) * 36 * 600)
    with pytest.raises(CorruptFrameError, match="no end"):
        verify_frame(path)


def test_quoted_slash(tmp_path):
    """A slash and a doubled quote inside a text value are part of it."""
    header = fits.Header({"BUNIT": "ELECTRONS/S", "OBSERVER": "O'Hara / Li"})
    path = tmp_path / "f.fits"
    fits.PrimaryHDU(noise((4, 4)), header).writeto(path)
    with open_frame(path) as opened:
        values = next(opened.hdus()).values
    assert values["BUNIT"] == "ELECTRONS/S"
    assert values["OBSERVER"] == "O'Hara / Li"


def test_missing_file(tmp_path):
    """A frame that is missing on disk is fetched again."""
    with pytest.raises(CorruptFrameError, match="no longer on this machine"):
        verify_frame(tmp_path / "none.fits")


def test_unreadable_file(tmp_path):
    """A file that this machine cannot read is a local error."""
    with pytest.raises(LocalError, match="cannot read"):
        verify_frame(tmp_path)


@pytest.mark.parametrize("kind", [CorruptFrameError, BadFrameError])
def test_errors_travel(kind):
    """Errors can be pickled, because a process pool pickles them."""
    error = pickle.loads(pickle.dumps(kind("it is broken")))
    assert (type(error), str(error)) == (kind, "it is broken")
    assert error.reason == kind("x").reason


def test_real_files(shared):
    """Every real frame and HST file passes."""
    paths = [*shared.glob("data/hst/*.fits*"), *shared.glob("data/sdss/frame*")]
    assert len(paths) > 15
    for path in paths:
        verify_frame(path)

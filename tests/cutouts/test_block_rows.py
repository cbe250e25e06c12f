"""Rows of frames from single blocks: bytes of the whole frame, or a doubt."""

from __future__ import annotations

import bz2
import random
from functools import lru_cache

import numpy as np
import pytest
from block_frames import (
    COLUMNS,
    LAW,
    ROW,
    ROWS,
    Reader,
    Rows,
    image_of,
    made_frame,
    start_of_image,
)

from harvester.cutouts.blocks import first_block, numbered
from harvester.cutouts.blocks.steps import Doubt, Proved
from harvester.cutouts.bz2_blocks import unpack_block


@pytest.fixture(scope="module")
def made():
    """Give a frame before and after compression."""
    return made_frame(), bz2.compress(made_frame())


def is_right(answer, unpacked, *rows):
    """Whether an answer has these rows, and nothing but bytes of the frame."""
    assert isinstance(answer, Proved), answer
    start = start_of_image(unpacked)
    assert all(start + ROW * first in answer.pieces for first, _ in rows)
    lengths = {ROW * (stop - first) for first, stop in rows}
    assert lengths <= {len(piece) for piece in answer.pieces.values()}
    return all(
        unpacked[place : place + len(piece)] == piece
        for place, piece in answer.pieces.items()
    )


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 40)],
        [(90, 130)],
        [(200, 240)],
        [(640, 680)],
        [(1020, 1084)],
        [(1380, 1420)],
        [(1449, 1489)],
        [(300, 340), (310, 350), (1200, 1240)],
        [(0, 1489)],
    ],
)
def test_rows(made, rows):
    """Rows of any block are those of the whole frame."""
    unpacked, packed = made
    assert is_right(Reader(packed).read(Rows(*rows)), unpacked, *rows)


def test_less_is_fetched(made):
    """For rows in the middle a third of the file is fetched, by three requests."""
    reader = Reader(made[1])
    answer = reader.read(Rows((700, 740)))
    assert reader.requests == 3
    assert answer.needed <= reader.fetched <= 0.35 * len(made[1])


def test_beginning_is_here(made):
    """If the beginning came already, only the last block is lacking."""
    reader = Reader(made[1])
    answer = reader.read(Rows((700, 740)), beginning=len(made[1]) // 2 + 100_000)
    assert is_right(answer, made[0], (700, 740))
    assert reader.requests == 2


@pytest.mark.parametrize("row", [5, 150, 700])
def test_rest(made, row):
    """The HDUs behind the image come with the rows, if they are wanted."""
    unpacked, packed = made
    answer = Reader(packed).read(Rows((row, row + 40)), is_rest_wanted=True)
    assert is_right(answer, unpacked, (row, row + 40))
    assert answer.length == len(unpacked)
    rest = max(answer.pieces)
    assert unpacked[rest:].startswith(b"XTENSION= 'IMAGE")
    assert len(answer.pieces[rest]) == len(unpacked) - rest


# -- altered frames --------------------------------------------------------------------


def zeros(image):
    """Put a square of zeros into the image."""
    image[250:350, 500:600] = 0


def few_zeros(image):
    """Put twenty zeros into a row."""
    image[250, 500:520] = 0


def single_zeros(image):
    """Put four zeros into the image."""
    image[250, 500:503] = image[260, 700] = 0


def zero_rows(image):
    """Make 51 rows zero: that is a whole number of rows less in the blocks."""
    image[150:201] = 0


def one_value(image):
    """Give forty rows one value, with all of its digits."""
    image[300:340] = np.float32(1.2345678)


def long_run(image):
    """Put forty pixels of four equal bytes into a row."""
    image[300, 100:140] = np.frombuffer(b"\x41" * 4, ">f4")[0]


def scaled(image):
    """Take away that the pixels are rounded."""
    image *= np.float32(1.000001)


def rolled(image):
    """Move the image by a column against its calibration."""
    image[:] = np.roll(image, 1, 1)


def rolled_back(image):
    """Move the image by a column to the other side."""
    image[:] = np.roll(image, -1, 1)


def rolled_late(image):
    """Move the image by three columns from a row on."""
    image[700:] = np.roll(image, 3, 1)[700:]


def moved_rows(image):
    """Move the image by eight rows against its sky."""
    image[:] = np.roll(image, 8, 0)


CHANGES = [
    zeros,
    few_zeros,
    single_zeros,
    zero_rows,
    one_value,
    long_run,
    scaled,
    rolled,
    rolled_back,
    rolled_late,
    moved_rows,
]

#: Changes after which rows far behind them can still be proved.
HARMLESS = {few_zeros, single_zeros, one_value, long_run, moved_rows}


def changed(unpacked, change):
    """Give a frame with an altered image."""
    image, content = image_of(unpacked)
    change(image)
    return bytes(content)


def check_altered(unpacked, packed, change):
    """Check that nothing wrong is proved; return how often there was a doubt."""
    doubts = 0
    for row in (860, 1000, 1130, 1260, 1400):
        answer = Reader(packed).read(Rows((row, row + 40)))
        doubts += isinstance(answer, Doubt)
        assert isinstance(answer, Doubt) or is_right(answer, unpacked, (row, row + 40))
    assert doubts == 5 or change in HARMLESS
    return doubts


@pytest.mark.parametrize("change", [zeros, zero_rows, rolled, rolled_back, rolled_late])
def test_altered(made, change):
    """Rows of an altered frame are doubtful."""
    altered = changed(made[0], change)
    check_altered(altered, bz2.compress(altered), change)


def test_other_level(made):
    """A frame in smaller blocks is doubtful at once."""
    reader = Reader(bz2.compress(made[0], 6))
    assert reader.read(Rows((700, 740))).reason == "magic"
    assert reader.requests == 1


def test_several_streams(made):
    """A frame that was packed by several processes is doubtful."""
    unpacked = made[0]
    size = 900_000
    pieces = [unpacked[at : at + size] for at in range(0, len(unpacked), size)]
    packed = b"".join(map(bz2.compress, pieces))
    assert isinstance(Reader(packed).read(Rows((700, 740))), Doubt)


@pytest.mark.parametrize("part", [0.02, 0.49, 0.99])
def test_damage(made, part):
    """A flipped bit in a used block is noticed."""
    packed = bytearray(made[1])
    packed[int(part * len(packed))] ^= 4
    assert isinstance(Reader(bytes(packed)).read(Rows((700, 740))), Doubt)


def test_truncated(made):
    """A file that lacks its end is doubtful."""
    assert isinstance(Reader(made[1][:-5000]).read(Rows((700, 740))), Doubt)


@pytest.mark.parametrize(
    "content", [b"", b"BZh9", bz2.compress(b"no frame"), b"BZh9" + bytes(10**6)]
)
def test_other_file(content):
    """Another file is doubtful, and raises nothing."""
    assert isinstance(Reader(content).read(Rows((700, 740))), Doubt)


def test_other_calibration(made):
    """A last block of another frame is doubtful."""
    unpacked, packed = made
    image, content = image_of(unpacked)
    image[:] = image[::-1].copy()
    other = bz2.compress(bytes(content))
    cut = len(packed) - 120_000
    assert isinstance(
        Reader(packed[:cut] + other[-120_000:]).read(Rows((700, 740))), Doubt
    )


# -- real frames -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared):
    """Give the names of real frames, and a function that unpacks one."""
    paths = sorted(shared.glob("data/sdss/frame-*.bz2"))
    assert len(paths) >= 7

    @lru_cache(1)
    def load(path):
        packed = path.read_bytes()
        return bz2.decompress(packed), packed

    return paths, load


def random_rows(chance):
    """Give the rows of a stamp at a random position; at an edge they are fewer."""
    side = chance.choice([40, 64])
    first = chance.randrange(1 - side, ROWS)
    return max(0, first), min(ROWS, first + side)


def remember_blocks(monkeypatch):
    """Unpack each block only once, for a test that needs the same ones often."""
    known = {}

    def unpack(data, first, stop):
        bits = data[first // 8 : -(-stop // 8)], first % 8, stop - first
        if bits not in known:
            if len(known) > 20:
                known.clear()
            known[bits] = unpack_block(data, first, stop)
        return known[bits]

    monkeypatch.setattr(numbered, "unpack_block", unpack)
    monkeypatch.setattr(first_block, "unpack_block", unpack)


def test_real_frames(real, monkeypatch):
    """Rows of real frames are those of the whole frame, for fewer bytes."""
    paths, load = real
    remember_blocks(monkeypatch)
    chance = random.Random(2)
    parts = []
    for path in paths[::5]:
        unpacked, packed = load(path)
        for _ in range(10):
            rows, reader = random_rows(chance), Reader(packed)
            assert is_right(reader.read(Rows(rows)), unpacked, rows)
            parts.append(reader.fetched / len(packed))
    assert np.mean(parts) < 0.32


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_all_real_frames(real, often, monkeypatch):
    """At many positions in each real frame all rows are right, with no doubt."""
    paths, load = real
    remember_blocks(monkeypatch)
    chance = random.Random(3)
    for path in paths:
        unpacked, packed = load(path)
        for _ in range(often(200, 1000)):
            rows = random_rows(chance)
            assert is_right(Reader(packed).read(Rows(rows)), unpacked, rows)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("number", [0, pytest.param(8, marks=pytest.mark.thorough)])
def test_altered_real_frames(real, number, change):
    """Altered real frames are doubtful, or their rows are right."""
    paths, load = real
    altered = changed(load(paths[number])[0], change)
    check_altered(altered, bz2.compress(altered), change)


@pytest.mark.long
def test_packed_again(real):
    """A real frame that bzip2 packed again has the same blocks."""
    paths, load = real
    unpacked, packed = load(paths[0])
    assert bz2.compress(unpacked) == packed
    assert len(LAW.magic) == 4
    assert COLUMNS == ROW // 4

"""Finding the starts of blocks in real bz2 data, compressed at every level."""

from __future__ import annotations

import bz2
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.cutouts.bz2_blocks import (
    BadBlockError,
    BlockScan,
    block_size,
    find_blocks,
    find_end,
    unpack_block,
)

#: Bytes that bz2 hardly compresses, without runs of four equal ones.
NOISE = np.random.default_rng(4).integers(0, 256, 2_000_000, np.uint8).tobytes()


def starts_of(packed, sizes=(10**9,)):
    """Scan data in pieces of these sizes; the last size is repeated."""
    scan, found, begin = BlockScan(), [], 0
    sizes = list(sizes)
    while begin < len(packed):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        found += scan.feed(packed[begin : begin + size])
        begin += size
    return found


def unpacked_sizes(packed):
    """Decompress up to each start; return how many bytes each piece gives."""
    stream, sizes = bz2.BZ2Decompressor(), []
    places = [0, *(start.place for start in starts_of(packed)), len(packed)]
    for begin, end in pairwise(places):
        sizes.append(0)
        data = packed[begin:end]
        while not stream.eof and (step := stream.decompress(data, 2**16)):
            sizes[-1] += len(step)
            data = b""
    assert stream.eof
    return sizes


@pytest.mark.parametrize("level", range(1, 10))
def test_every_level(level):
    """The data before a start contain exactly the earlier blocks, all of one size."""
    plain = NOISE[: 250_000 * level]
    packed = bz2.compress(plain, level)
    _, *sizes = unpacked_sizes(packed)
    assert sum(sizes) == len(plain)
    assert len(sizes) == -(-len(plain) // block_size(packed))
    for size in sizes[:-1]:
        assert abs(size - block_size(packed)) < 50
    first, *others = starts_of(packed)
    assert first == (4, True, 32)
    assert not any(start.is_first for start in others)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(0, 7))
def test_pieces_do_not_matter(sizes, last):
    """The same block starts are found, each once, from pieces of any size."""
    packed = bz2.compress(NOISE[:210_000], 1)
    around = [start.place for start in starts_of(packed)]
    # A few bytes at a time around each start, and large pieces between them.
    cuts = [place - sum(sizes) // 2 for place in around[1:]]
    pieces, begin = [], 0
    for cut in cuts:
        pieces += [cut - begin, *sizes]
        begin = cut + sum(sizes)
    assert starts_of(packed, [*pieces, 10**6 + last]) == starts_of(packed)
    assert len(around) == 3


def test_byte_by_byte():
    """Data that arrive byte by byte are scanned like others."""
    packed = bz2.compress(NOISE[:120_000], 1)
    assert starts_of(packed, [1]) == starts_of(packed)


def test_every_bit():
    """A start is found at whichever bit of a byte it is."""
    magic = 0x314159265359
    for shift in range(8):
        window = (0xAB << 80 | magic << 32 | 0x12345678) << shift
        data = b"\xff" * 5 + window.to_bytes(12, "big")
        (start,) = starts_of(data)
        first_bit = 8 * (5 + 2) - shift
        assert start.place == -(-first_bit // 8)


def test_several_streams():
    """The first block of a stream is recognised, also if it is split over pieces."""
    first = bz2.compress(NOISE[:150_000], 1)
    packed = first + bz2.compress(NOISE[150_000:200_000], 1)
    for size in [10**9, 1, 5, 4096]:
        starts = starts_of(packed, [size])
        assert [start.is_first for start in starts] == [True, False, True]
        assert starts[2].place == len(first) + 4


@pytest.mark.long
def test_real_frames(shared):
    """An SDSS frame has 14 blocks of one size, except for the first and the last."""
    paths = sorted(shared.glob("data/sdss/frame-*.bz2"))
    assert len(paths) >= 7
    for path in paths:
        packed = path.read_bytes()
        head, first, *sizes, last = unpacked_sizes(packed)
        assert (head, len(sizes)) == (0, 12)
        assert block_size(packed) <= first < block_size(packed) + 10_000
        assert all(abs(size - block_size(packed)) < 50 for size in sizes)
        assert 0 < last < block_size(packed)


@pytest.mark.parametrize("level", [1, 9])
def test_single_blocks(level):
    """Blocks that are unpacked alone give the data together."""
    plain = NOISE[: 230_000 * level]
    packed = bz2.compress(plain, level)
    bits = [*find_blocks(packed), find_end(packed)]
    unpacked = [unpack_block(packed, *pair) for pair in pairwise(bits)]
    assert len(unpacked) > 2
    assert b"".join(unpacked) == plain


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 6, 7, 8, 100])
def test_end(size):
    """The end of a stream is found at any bit, and only at the end of the data."""
    packed = bz2.compress(NOISE[:size])
    assert find_end(packed) is not None
    assert find_end(packed[:-1]) is find_end(packed + b"x") is None


def test_bad_blocks():
    """Bits that are no block, or a damaged one, are refused."""
    packed = bz2.compress(NOISE[:1000])
    end = find_end(packed)
    assert unpack_block(packed, 32, end) == NOISE[:1000]
    damaged = packed[:500] + bytes([packed[500] ^ 1]) + packed[501:]
    wrong = [(packed, 33, end), (packed, 32, end - 1), (packed, 32, 10**6)]
    for data, first, stop in [*wrong, (packed, -1, end), (damaged, 32, end)]:
        with pytest.raises(BadBlockError):
            unpack_block(data, first, stop)
    bomb = bz2.compress(bytes(10**8))
    with pytest.raises(BadBlockError, match="more than"):
        unpack_block(bomb, *find_blocks(bomb)[:1], find_end(bomb))

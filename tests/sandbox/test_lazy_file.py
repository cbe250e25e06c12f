"""Files rendered by range: the same bytes, whatever ranges are read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.sandbox.lazy_file import BAND_ROWS, BandCache, Held, ImagePlane, LazyFile

LAYERS, NY, NX = 2, BAND_ROWS + 9, 5
#: Every pixel has a different value.
PIXELS = np.arange(LAYERS * NY * NX, dtype=np.float32).reshape(LAYERS, NY, NX)
DATA = PIXELS.astype(">f4").tobytes()
WHOLE = b"h" * 7 + DATA + bytes(-len(DATA) % 2880) + b"tail"


def make(rendered=None, memory_mb=1.0):
    """Make a file with the content WHOLE; log each rendered band."""

    def render(layer, first, last):
        if rendered is not None:
            rendered.append((layer, first, last))
        return PIXELS[layer, first:last]

    plane = ImagePlane((LAYERS, NY, NX), render, BandCache(memory_mb), "plane")
    return LazyFile([Held(b"h" * 7), plane, Held(b"tail")])


def test_size():
    """The size is the sum of headers, pixels and padding."""
    assert make().size == len(WHOLE)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE) + 10))
def test_any_range(start, stop):
    """Any range, even an empty one, equals the same slice of the whole file."""
    assert make().read(start, stop) == WHOLE[start:stop]


@pytest.mark.parametrize("memory_mb", [0.0, 1.0])
def test_in_pieces(memory_mb):
    """Consecutive pieces join to the whole file, with and without a cache."""
    file = make(memory_mb=memory_mb)
    pieces = [file.read(at, at + 37) for at in range(0, file.size, 37)]
    assert b"".join(pieces) == WHOLE


def test_only_what_is_asked():
    """Only the band that a range touches is rendered, and only once."""
    rendered = []
    file = make(rendered)
    inside = 7 + (NY + 3) * NX * 4
    for _ in range(2):
        file.read(inside, inside + 8)
    assert rendered == [(1, 0, BAND_ROWS)]


def test_cache_room():
    """A full cache drops its oldest bands."""
    cache, made = BandCache(memory_mb=2e-5), []

    def band(name):
        return cache.get(name, lambda: made.append(name) or bytes(10))

    for name in "abca":
        band(name)
    assert made == ["a", "b", "c", "a"]
    band("c")
    assert made == ["a", "b", "c", "a"]

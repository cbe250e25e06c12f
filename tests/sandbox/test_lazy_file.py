"""Files that are computed by the range: the same bytes, however they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.sandbox.lazy_file import BAND_ROWS, BandCache, Held, ImagePlane, LazyFile

LAYERS, NY, NX = 2, BAND_ROWS + 9, 5
#: Every pixel has a value of its own.
PIXELS = np.arange(LAYERS * NY * NX, dtype=np.float32).reshape(LAYERS, NY, NX)
DATA = PIXELS.astype(">f4").tobytes()
WHOLE = b"h" * 7 + DATA + bytes(-len(DATA) % 2880) + b"tail"


def make(rendered=None, memory_mb=1.0):
    """Make the file of those bytes; list the bands that are rendered."""

    def render(layer, first, last):
        if rendered is not None:
            rendered.append((layer, first, last))
        return PIXELS[layer, first:last]

    plane = ImagePlane((LAYERS, NY, NX), render, BandCache(memory_mb), "plane")
    return LazyFile([Held(b"h" * 7), plane, Held(b"tail")])


def test_size():
    """The size is that of the headers, the pixels and their padding."""
    assert make().size == len(WHOLE)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE) + 10))
def test_any_range(start, stop):
    """Any range is the same part of the whole, empty ones included."""
    assert make().read(start, stop) == WHOLE[start:stop]


@pytest.mark.parametrize("memory_mb", [0.0, 1.0])
def test_in_pieces(memory_mb):
    """Pieces of any length put together are the whole, whatever the cache holds."""
    file = make(memory_mb=memory_mb)
    pieces = [file.read(at, at + 37) for at in range(0, file.size, 37)]
    assert b"".join(pieces) == WHOLE


def test_only_what_is_asked():
    """Only the bands that a range touches are rendered, each once."""
    rendered = []
    file = make(rendered)
    inside = 7 + (NY + 3) * NX * 4
    for _ in range(2):
        file.read(inside, inside + 8)
    assert rendered == [(1, 0, BAND_ROWS)]


def test_cache_room():
    """The cache drops the oldest bands once its room is used up."""
    cache, made = BandCache(memory_mb=2e-5), []

    def band(name):
        return cache.get(name, lambda: made.append(name) or bytes(10))

    for name in "abca":
        band(name)
    assert made == ["a", "b", "c", "a"]
    band("c")
    assert made == ["a", "b", "c", "a"]

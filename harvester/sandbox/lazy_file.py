"""Files too large for memory: the bytes of a range are computed when asked for.

A `LazyFile` is a sequence of segments. Headers and tables are `Held` bytes; the pixels
of an image are an `ImagePlane`, which is rendered in bands of 64 rows. A band is always
rendered whole: the bytes of a pixel must not depend on the range that is asked for.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    #: Renders rows ``first`` to ``last`` (exclusive) of one layer: ``(rows, nx)``.
    Render = Callable[[int, int, int], NDArray[np.generic]]

__all__ = ["BAND_ROWS", "BandCache", "Held", "ImagePlane", "LazyFile", "Segment"]

#: Rows that are rendered together.
BAND_ROWS = 64
_BLOCK = 2880
#: Bytes of a pixel: float32 and int32 alike.
_PIXEL = 4


class Segment(Protocol):
    """A piece of a file."""

    @property
    def size(self) -> int:
        """Its bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Give the bytes from ``start`` to ``stop`` (exclusive), within the piece."""


class Held(NamedTuple):
    """Bytes that are small enough to hold."""

    body: bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.body)

    def read(self, start: int, stop: int) -> bytes:
        """Give the bytes from ``start`` to ``stop`` (exclusive)."""
        return self.body[start:stop]


class BandCache:
    """The bands that were rendered last; the oldest are dropped.

    Several threads may use it. Two that miss the same band both render it, which
    costs time and changes nothing.
    """

    def __init__(self, memory_mb: float = 64) -> None:
        self._room = int(memory_mb * 1_000_000)
        self._bands: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Give the band of that key; ``make`` renders it if it is not held."""
        with self._lock:
            if (band := self._bands.get(key)) is not None:
                self._bands.move_to_end(key)
                return band
        band = make()
        with self._lock:
            self._hold(key, band)
        return band

    def _hold(self, key: Hashable, band: bytes) -> None:
        if key not in self._bands:
            self._bands[key] = band
            self._size += len(band)
        while self._size > self._room and len(self._bands) > 1:
            self._size -= len(self._bands.popitem(last=False)[1])


class ImagePlane:
    """The pixels of an image HDU, padded with zeros to a FITS block.

    Parameters
    ----------
    shape
        ``(layers, ny, nx)``; an image of two axes has one layer.
    render
        Called with a layer and two row numbers, always for a whole band; gives
        4-byte pixels ``(rows, nx)``.
    key
        Name of this plane in the cache.
    """

    def __init__(
        self, shape: tuple[int, int, int], render: Render, cache: BandCache, key: str
    ) -> None:
        self._layers, self._ny, self._nx = shape
        self._render, self._cache, self._key = render, cache, key

    @property
    def size(self) -> int:
        """Its bytes, padding included."""
        return self._data + -self._data % _BLOCK

    @property
    def _data(self) -> int:
        return self._layers * self._ny * self._row

    @property
    def _row(self) -> int:
        return self._nx * _PIXEL

    def read(self, start: int, stop: int) -> bytes:
        """Give the bytes from ``start`` to ``stop`` (exclusive)."""
        pieces = list(self._pieces(start, min(stop, self._data)))
        return b"".join(pieces) + bytes(max(0, stop - max(start, self._data)))

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            layer, y = divmod(start // self._row, self._ny)
            first = y - y % BAND_ROWS
            band = self._band(layer, first)
            begin = (layer * self._ny + first) * self._row
            yield band[start - begin : stop - begin]
            start = min(stop, begin + len(band))

    def _band(self, layer: int, first: int) -> bytes:
        last = min(first + BAND_ROWS, self._ny)

        def make() -> bytes:
            pixels = self._render(layer, first, last)
            return pixels.astype(pixels.dtype.newbyteorder(">"), copy=False).tobytes()

        return self._cache.get((self._key, layer, first), make)


class LazyFile:
    """A file put together from segments."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._ends = list(accumulate(segment.size for segment in segments))

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._ends[-1]

    def read(self, start: int, stop: int) -> bytes:
        """Give the bytes from ``start`` to ``stop`` (exclusive), or to the end."""
        return b"".join(self._pieces(start, min(stop, self.size)))

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        number = bisect_right(self._ends, start)
        while start < stop:
            segment, end = self._segments[number], self._ends[number]
            begin = end - segment.size
            yield segment.read(start - begin, min(stop, end) - begin)
            start, number = end, number + 1

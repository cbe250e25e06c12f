"""Divides bytes into chunks where their content says, as stores without repeats do.

A gear hash rolls over the bytes; a chunk ends where its upper bits are 0. Equal
stretches of two files have equal chunks, wherever they are in the files.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: Mean distance of places where a chunk may end is 64 KiB.
_BITS = 16

#: Fewest and most bytes of a chunk.
_FEWEST, _MOST = 8 * 1024, 128 * 1024

#: Bytes that decide; after so many shifts a byte has left the hash.
_WINDOW = 32

_GEAR = np.frombuffer(hashlib.shake_256(b"gear").digest(256 * 4), np.uint32)

#: Bytes that are hashed at a time.
_BLOCK = 2**22


def share_of_new_bytes(old: Iterable[Path], new: Iterable[Path]) -> float:
    """Give the part of the bytes of new files that are in no chunk of the old ones."""
    counts = list(new_bytes(old, new))
    return sum(fresh for _, _, fresh in counts) / sum(total for _, total, _ in counts)


def new_bytes(
    old: Iterable[Path], new: Iterable[Path]
) -> Iterator[tuple[Path, int, int]]:
    """Give the bytes of each new file, and how many are in no chunk before them."""
    known = {digest for path in old for digest, _ in _chunks(path.read_bytes())}
    for path in new:
        total = fresh = 0
        for digest, size in _chunks(path.read_bytes()):
            total += size
            fresh += size * (digest not in known)
            known.add(digest)
        yield path, total, fresh


def _chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Give the digest and the size of each chunk."""
    start = 0
    for end in [*_ends(content), len(content)]:
        if end > start:
            chunk = content[start:end]
            yield hashlib.blake2b(chunk, digest_size=16).digest(), len(chunk)
            start = end


def _ends(content: bytes) -> Iterator[int]:
    start = 0
    for place in [*_places(content), len(content)]:
        while place - start > _MOST:
            start += _MOST
            yield start
        if place - start >= _FEWEST:
            start = place
            yield start


def _places(content: bytes) -> list[int]:
    """Give the places after which the hash allows a chunk to end."""
    data = np.frombuffer(content, np.uint8)
    found: list[int] = []
    for start in range(0, len(data), _BLOCK):
        before = max(0, start - _WINDOW + 1)
        hashes = _hashes(data[before : start + _BLOCK])[start - before :]
        found += (np.flatnonzero(hashes >> (32 - _BITS) == 0) + start + 1).tolist()
    return found


def _hashes(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Give the hash of each byte and the 31 before it."""
    gears = _GEAR[data]
    total = gears.copy()
    for shift in range(1, min(_WINDOW, len(data))):
        total[shift:] += gears[:-shift] << np.uint32(shift)
    return total

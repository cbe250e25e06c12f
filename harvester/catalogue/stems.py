"""File names for targets: one for each identifier, safe on any disk.

An identifier that can be a file name is one. Any other keeps what is legible of it
and gains a piece of its hash, so that two that look alike stay apart.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Stems"]

#: Longest stem, in characters: leaves room for survey, band and suffix.
_LONGEST = 64
#: Hexadecimal digits of the hash that a made-over identifier gains.
_DIGITS = 8

#: No device of Windows, whatever follows its name, no dot at the end, and not the
#: ending of the harvester's own unfinished files.
_SAFE = re.compile(
    r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))(?!.*\.part$)"
    rf"[a-z0-9][a-z0-9+._-]{{0,{_LONGEST - 1}}}(?<!\.)",
    re.IGNORECASE | re.ASCII,
)
_UNSAFE = re.compile(r"[^A-Za-z0-9+-]+")


class Stems:
    """Names the files of identifiers; no two names differ only by case.

    An identifier that comes again gets ``_2``, ``_3`` and so on behind its name.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Take all identifiers, of which only a number each is kept."""
        hashes = np.fromiter((hash(_stem(text).lower()) for text in ids), np.int64)
        hashes.sort()
        self._wanted = hashes
        self._shared = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def name(self, text: str) -> str:
        """Name the next identifier; they come in the same order again."""
        stem = _stem(text)
        key = stem.lower()
        if hash(key) not in self._shared:
            return stem
        if key not in self._taken:
            self._taken.add(key)
            return stem
        return self._numbered(stem, key)

    def _numbered(self, stem: str, key: str) -> str:
        while True:
            self._counts[key] = self._counts.get(key, 1) + 1
            ending = f"_{self._counts[key]}"
            name = key[: _LONGEST - len(ending)] + ending
            if name not in self._taken and not self._is_wanted(name):
                self._taken.add(name)
                return stem[: _LONGEST - len(ending)] + ending

    def _is_wanted(self, name: str) -> bool:
        place = int(np.searchsorted(self._wanted, hash(name)))
        return place < len(self._wanted) and bool(self._wanted[place] == hash(name))


def _stem(text: str) -> str:
    if _SAFE.fullmatch(text):
        return text
    legible = _UNSAFE.sub("_", text).strip("_+-")[: _LONGEST - _DIGITS - 1]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{legible or 'target'}-{digest[:_DIGITS]}"

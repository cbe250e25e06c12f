"""File names for targets: unique, and valid on any file system.

An identifier that is a valid file name is used as it is. Of any other identifier the
valid characters are kept and part of its hash is appended, so that similar identifiers
get different names.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Stems"]

#: Characters; the longest stem. It leaves room for survey, band and suffix.
_LONGEST = 64
#: Hexadecimal digits of the hash that is appended to a changed identifier.
_DIGITS = 8

#: A valid stem. Device names of Windows, a dot at the end, and ``.part``, the suffix of
#: the harvester's unfinished files, are not allowed.
_SAFE = re.compile(
    r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))(?!.*\.part$)"
    rf"[a-z0-9][a-z0-9+._-]{{0,{_LONGEST - 1}}}(?<!\.)",
    re.IGNORECASE | re.ASCII,
)
_UNSAFE = re.compile(r"[^A-Za-z0-9+-]+")


class Stems:
    """File names for identifiers; no two names differ only by case.

    If an identifier is repeated, ``_2``, ``_3`` and so on are appended.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Read all identifiers, and keep only a hash of each."""
        hashes = np.fromiter((hash(_stem(text).lower()) for text in ids), np.int64)
        hashes.sort()
        self._wanted = hashes
        self._shared = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def name(self, text: str) -> str:
        """Return the file name of the next identifier.

        Call it for the same identifiers in the same order as in the constructor.
        """
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

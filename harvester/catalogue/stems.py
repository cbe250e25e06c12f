"""File names for targets: one for each identifier, safe on any disk.

An identifier that can be a file name is one. Any other keeps what is legible of it
and gains a piece of its hash, so that two that look alike stay apart.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["unique_stems"]

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


def unique_stems(ids: Sequence[str]) -> list[str]:
    """Name the files of each identifier, in order; no two names differ only by case.

    An identifier that comes again gets ``_2``, ``_3`` and so on behind its name.
    """
    taken: set[str] = set()
    counts: dict[str, int] = {}
    return [_free(_stem(text), taken, counts) for text in ids]


def _stem(text: str) -> str:
    if _SAFE.fullmatch(text):
        return text
    legible = _UNSAFE.sub("_", text).strip("_+-")[: _LONGEST - _DIGITS - 1]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{legible or 'target'}-{digest[:_DIGITS]}"


def _free(stem: str, taken: set[str], counts: dict[str, int]) -> str:
    key = name = stem.lower()
    ending = ""
    while name in taken:
        counts[key] = counts.get(key, 1) + 1
        ending = f"_{counts[key]}"
        name = key[: _LONGEST - len(ending)] + ending
    taken.add(name)
    return stem[: _LONGEST - len(ending)] + ending

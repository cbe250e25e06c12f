"""Comments above a table that number its columns, or speak of its positions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .header_words import is_comment, tells
from .stated_frames import frame_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sheets import StatedFrame

__all__ = ["doubts_in_comments", "frames_in_comments", "numbered_in"]

#: ``1: ra``, ``(1) RA``, ``col1 = ra``, ``Column 1: ra``, ``1 ra``.
_NUMBERED = re.compile(
    r"(?:col(?:umn)?s?\.?[ _]*)?[\[(]?(\d{1,3})[\])]?\s*[:=.)-]?\s*([A-Za-z_].*)",
    re.IGNORECASE,
)
#: A number with a mark: its name may have several words.
_MARKED = re.compile(r"\D|\d+\s*[\])}:=.]")
#: Where the words about a column begin.
_ABOUT = re.compile(r"\s{2,}|\t|\s+[-=:]\s+|[:;,]\s+|\s+#|\.\s+")
#: Words that make positions other than degrees of today's frame.
_OTHER_UNIT = re.compile(r"\b(?:in|of) (?:decimal )?(?:hours|radians)\b", re.IGNORECASE)
_OTHER_FRAME = re.compile(
    r"\b(?:b ?1950|fk4|equinox\W*[jb]?(?!2000)[12]\d{3})",
    re.IGNORECASE,
)
_OF_POSITIONS = re.compile(
    r"\b(?:ra|dec|right ascensions?|declinations?|positions?|coord\w*|alpha|delta)\b",
    re.IGNORECASE,
)


def numbered_in(
    lines: Sequence[str], marks: tuple[str, ...]
) -> list[tuple[int, str, str]]:
    """Give place, name and the rest of the last comments that count from 0 or 1."""
    found: list[tuple[int, str, str]] = []
    expected = 0
    for place, line in enumerate(lines):
        text = line.strip().lstrip("".join(marks)).strip()
        match = _NUMBERED.fullmatch(text) if is_comment(line, marks) else None
        if not match:
            continue
        number = int(match[1])
        if number in {0, 1} and number != expected:
            found, expected = [], number
        if number == expected:
            parts = _ABOUT if _MARKED.match(text) else re.compile(r"\s+(?![\[(])")
            name, *about = parts.split(match[2].strip(), maxsplit=1)
            found.append((place, name.strip(), " ".join(about)))
            expected += 1
    return found if len(found) > 1 else []


def frames_in_comments(
    lines: Sequence[str], marks: tuple[str, ...]
) -> dict[str, StatedFrame]:
    """Give the frames in the words of comments that number the columns."""
    stated = {
        # The name of a position says what the words are about.
        name: frame_in_words(f"right ascension {about}" if tells([name]) else about)
        for _, name, about in numbered_in(lines, marks)
    }
    return {name: frame for name, frame in stated.items() if frame}


def doubts_in_comments(lines: Sequence[str], marks: tuple[str, ...]) -> Iterator[str]:
    """Say which comments speak of a unit or frame in words that no rule knows."""
    for place, line in enumerate(lines):
        is_about_unit = _OTHER_UNIT.search(line) and _OF_POSITIONS.search(line)
        if is_comment(line, marks) and (is_about_unit or _OTHER_FRAME.search(line)):
            yield f"line {place + 1} says {line.strip()!r}"

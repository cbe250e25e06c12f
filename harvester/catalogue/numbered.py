"""Comments above a table that number its columns, or mention units and frames."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .header_words import count_position_names, is_comment
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
#: A number with a mark behind it; the name that follows may have several words.
_MARKED = re.compile(r"\D|\d+\s*[\])}:=.]")
#: What separates the name of a column from the words about it.
_ABOUT = re.compile(r"\s{2,}|\t|\s+[-=:]\s+|[:;,]\s+|\s+#|\.\s+")
#: Words that mean units other than degrees, or frames other than ICRS.
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
    """Find the last block of comments that number the columns from 0 or 1.

    Returns the index of the line, the name and the rest of the text for each column.
    """
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
    """Return the frames that comments which number the columns state."""
    stated = {
        # A column named like a position: its words need not mention right ascension.
        name: frame_in_words(
            f"right ascension {about}" if count_position_names([name]) else about
        )
        for _, name, about in numbered_in(lines, marks)
    }
    return {name: frame for name, frame in stated.items() if frame}


def doubts_in_comments(lines: Sequence[str], marks: tuple[str, ...]) -> Iterator[str]:
    """Yield the comments that mention a unit or frame in words no rule understands."""
    for place, line in enumerate(lines):
        is_about_unit = _OTHER_UNIT.search(line) and _OF_POSITIONS.search(line)
        if is_comment(line, marks) and (is_about_unit or _OTHER_FRAME.search(line)):
            yield f"line {place + 1} says {line.strip()!r}"

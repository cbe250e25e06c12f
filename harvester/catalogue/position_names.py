"""Parse the names of columns: which coordinate, in which unit and frame.

A name has three parts: a prefix (to which object the position belongs), the word for
the coordinate, and a tail of units, frames and words that distinguish pairs of columns.
If a part is not understood, or names an error or an offset, the column is not a
position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from .angle_units import DEGREES, HOURS, RADIANS, AngleUnit, angle_unit, states_no_unit
from .position_words import FAMILIES, NON_POSITION_WORDS, TAGS, TEXT_WORDS, UNIT_WORDS
from .sky_frames import SkyFrame, parse_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Heading", "Statement", "heading", "is_non_position", "plain", "statement"]

Side = Literal["longitude", "latitude"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What the unit of a column, or the words behind its name, state about it."""

    unit: AngleUnit | None = None
    frame: SkyFrame | None = None
    #: Words that are neither a unit nor a frame.
    unknown: str = ""
    #: Whether the words mean that the column holds errors or the like, not positions.
    is_non_position: bool = False
    #: A word that distinguishes this column from others, such as a survey.
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """The parsed name of a column that can be one coordinate of a position."""

    name: str
    side: Side
    #: Index in `FAMILIES` of the words that name the coordinate, such as ``ra``.
    family: int
    #: Prefix and tags; the two columns of a pair have the same.
    key: tuple[str, ...]
    stated: Statement = field(default_factory=Statement)
    #: Coordinate system to which the words belong; empty for RA and Dec.
    system: str = ""
    #: How far the name is from the plainest one: smaller is better.
    rank: tuple[int, ...] = ()
    #: ``d`` or ``h`` if the unit is one letter; both columns of a pair must have one.
    letter: str = ""


_PREFIX = r"(?:(?P<prefix>.+?)_|(?P<glued>obj|target|s|coord|pri|sec|src))??"

_FRAME_WORDS = re.compile(r"(?:eq)?([jb]?(?:1[89]|20)\d\d|fk[45]|icrs|gaia)(?:_0+)?")
_GAIA = re.compile(r"gaia_?(?:e?dr\d)?|epoch_?20\d\d|ep_?20\d\d")
_NUMBERED = re.compile(r"\d{1,2}")
#: Non-position words that may be a prefix: ObsCore writes ``s_ra``.
_POSITION_PREFIXES = frozenset({"s"})
#: Letters; a shorter tag that follows without ``_`` is part of another word.
_SHORTEST_GLUED = 3

_BRACKETS = re.compile(r"[\[(]([^\[\]()]*(?:\([^()]*\))?[^\[\]()]*)[\])]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_GREEK = str.maketrans({"\u03b1": "alpha", "\u03b4": "delta"})
_HMS = re.compile(r"[\s_]*h{1,2}[:_ ]m{1,2}[:_ ]s{1,2}(?:\.s+)?$")
_DMS = re.compile(r"[\s_]*d{1,2}[:_ ]m{1,2}[:_ ]s{1,2}(?:\.s+)?$")
#: An epoch; it is ignored, because galaxies have no proper motion.
_EPOCH = re.compile(r"ep(?:och|\.)?\s*[=:]?\s*[JB]?\d{4}(?:\.\d*)?", re.IGNORECASE)
#: A name of HyperLEDA, whose ``al2000`` is in decimal hours, and ``de2000`` in degrees.
_LEDA = re.compile(r"al(1950|2000)", re.IGNORECASE)
_PIECES = re.compile(r"[,;]\s*")


def plain(name: str) -> str:
    """Return a name in lower case, its words joined by ``_``, without brackets."""
    bare = _CAMEL.sub("_", _BRACKETS.sub("", name).translate(_GREEK)).lower()
    bare = _DMS.sub("_dms", _HMS.sub("_hms", bare))
    return _NOT_WORD.sub("_", bare).strip("_")


def is_non_position(word: str) -> bool:
    """Return whether a word means that a column does not hold positions."""
    return word in NON_POSITION_WORDS


@cache
def statement(text: str) -> Statement:
    """Parse a unit as a file states it, or the text in brackets behind a name."""
    if states_no_unit(text) or _EPOCH.fullmatch(text.strip()):
        return Statement()
    unit = angle_unit(text)
    if unit:
        return Statement(unit)
    frame = parse_frame(text)
    if frame:
        return Statement(frame=frame)
    inside = _BRACKETS.findall(text)
    pieces = [*_PIECES.split(_BRACKETS.sub("", text)), *inside]
    if len(pieces) == 1:
        pieces = text.split()
    return _joined(pieces) if len(pieces) > 1 else _of_word(text)


def _of_word(text: str) -> Statement:
    word = _NOT_WORD.sub("", text.lower())
    if is_non_position(word):
        return Statement(is_non_position=True)
    if word in TAGS or _NUMBERED.fullmatch(word):
        return Statement(tag=word)
    is_silent = word in {"", "equinox", "epoch"}
    return Statement() if is_silent else Statement(unknown=text.strip())


def _joined(pieces: list[str]) -> Statement:
    parts = [statement(piece) for piece in pieces if piece.strip()]
    return Statement(
        next((part.unit for part in parts if part.unit), None),
        next((part.frame for part in parts if part.frame), None),
        " ".join(part.unknown for part in parts if part.unknown),
        any(part.is_non_position for part in parts),
        " ".join(part.tag for part in parts if part.tag),
    )


def bracketed(name: str) -> Statement:
    """Parse the text in brackets in the name of a column."""
    return _joined([*_BRACKETS.findall(name), ""])


def heading(name: str) -> Heading | None:
    """Parse the name of a column; None if it does not name a coordinate."""
    leda = _LEDA.fullmatch(name.strip())
    known = heading(f"ra{leda[1]}") if leda else None
    if known:
        return replace(known, name=name, stated=replace(known.stated, unit=HOURS))
    stated = bracketed(name)
    if stated.is_non_position or name.rstrip().endswith("-"):  # ``DE-``: only signs
        return None
    return min(_readings(name, stated), key=_length_before, default=None)


def _readings(name: str, stated: Statement) -> Iterator[Heading]:
    words = plain(name)
    for place, (longitude, latitude, system) in enumerate(FAMILIES):
        sides: tuple[tuple[Side, str], ...]
        sides = (("longitude", longitude), ("latitude", latitude))
        for side, pattern in sides:
            match = _matcher(pattern).fullmatch(words)
            tail = _Tail.read(match["tail"], side) if match else None
            if match is None or tail is None:
                continue
            before = match["prefix"] or match["glued"] or ""
            if not _has_non_position_word(before):
                yield _put_together(name, side, place, before, tail, stated, system)


def _length_before(found: Heading) -> int:
    # ``dec_rad`` is a declination in radians, not ``ra`` with the prefix ``dec``.
    return len(found.key[1])


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{_PREFIX}(?:{pattern})(?P<tail>(?:_.*|[a-z0-9].*)?)")


def _has_non_position_word(prefix: str) -> bool:
    words = prefix.split("_")
    return any(
        is_non_position(word) and word not in _POSITION_PREFIXES for word in words
    )


def _put_together(
    name: str,
    side: Side,
    family: int,
    before: str,
    tail: _Tail,
    stated: Statement,
    system: str,
) -> Heading:
    frame = stated.frame or tail.frame
    unit = stated.unit or tail.unit
    mark = "_" if name.startswith("_") else ""
    tags = [*tail.tags, stated.tag] if stated.tag else tail.tags
    rank = (
        int(bool(stated.unknown)),
        int(frame is not None and not frame.is_icrs),
        int(tail.is_text),
        (2 if before not in {"s", "target", "obj", "pri"} else 1) if before else 0,
        max(tail.tag_rank, 2 if stated.tag else 0),
        family,
        _rank_of_unit(tail.unit),
        _rank_of_frame(tail),
    )
    return Heading(
        name,
        side,
        0 if family == 1 else family,
        (mark, before, *filter(None, tags)),
        Statement(unit, frame, stated.unknown),
        system,
        rank,
        tail.letter,
    )


def _rank_of_unit(unit: AngleUnit | None) -> int:
    known = [None, DEGREES, HOURS, RADIANS]
    return known.index(unit) if unit in known else len(known)


def _rank_of_frame(tail: _Tail) -> int:
    if tail.frame is None:
        return 0
    return 1 if tail.frame.system == "fk5" else 2


@dataclass(slots=True)
class _Tail:
    """The parsed words behind the word for the coordinate."""

    side: Side
    unit: AngleUnit | None = None
    frame: SkyFrame | None = None
    is_text: bool = False
    letter: str = ""
    tags: list[str] = field(default_factory=list)
    tag_rank: int = 0
    _is_glued: bool = False

    @classmethod
    def read(cls, text: str, side: Side) -> _Tail | None:
        """Parse all of the text; None if a part of it is not understood."""
        tail = cls(side)
        if _GAIA.fullmatch(text.strip("_")):
            tail.frame = parse_frame("ICRS")
            return tail
        is_glued = not text.startswith("_")
        for word in text.removeprefix("_in_").strip("_").split("_"):
            if not word:
                continue
            tail._is_glued = is_glued
            if not tail._take(word):
                return None
            is_glued = False
        return tail

    def _take(self, word: str) -> bool:
        while word:
            length = self._unit_or_frame(word)
            if not length:
                return self._tag(word)
            word = word[length:]
        return True

    def _unit_or_frame(self, word: str) -> int:
        frame = _FRAME_WORDS.match(word)
        if frame:
            self.frame = parse_frame(frame[1])
            return len(frame[0]) if self.frame else 0
        known = [w for w in (*UNIT_WORDS, *TEXT_WORDS) if word.startswith(w)]
        longest = max(known, key=len, default="")
        if longest in TEXT_WORDS:
            self.is_text = True
            self.unit = angle_unit(longest)
        elif longest:
            self.unit = UNIT_WORDS[longest]
        elif word in {"d", "h"}:
            self.letter = word if self._is_glued else ""
            self.unit = DEGREES if word == "d" else HOURS
            return 1
        return len(longest)

    def _tag(self, word: str) -> bool:
        if word in {"0", "00"}:
            return True  # the decimals of an equinox such as 2000.0
        if _NUMBERED.fullmatch(word):
            self.tags.append(word if self._is_glued else f"_{word}")
            self.tag_rank = max(self.tag_rank, 1)
            return True
        if (
            word in NON_POSITION_WORDS
            or word not in TAGS
            or (self._is_glued and len(word) < _SHORTEST_GLUED)
        ):
            return False
        self.tags.append(word)
        self.tag_rank = max(self.tag_rank, 1 if word == "mean" else 2)
        return True

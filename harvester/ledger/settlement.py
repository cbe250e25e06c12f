"""The rule by which a job moves when its cutouts have changed: a pure function.

The ledger reads and writes; the decision is here, where tests call it without a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..states import State

__all__ = ["NOTHING_THERE", "NOT_FOUND", "Piece", "PieceState", "Settlement", "settle"]

PieceState = Literal["wanted", "spare", "done", "empty"]

#: The archive has no such file, although it named it.
NOT_FOUND = "not_found"

#: Notes on a frame that was cut: that it does not show the galaxy is an answer too.
NOTHING_THERE = frozenset({"", "outside", "no_data"})

#: Notes after which locating by position may help: the identifier named a wrong frame.
_MISPLACED = NOTHING_THERE | {NOT_FOUND}


class Piece(NamedTuple):
    """One product that a job has for one band."""

    band: str
    product: int
    rank: int
    state: PieceState
    note: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state that a job takes now, and which spare products are wanted next."""

    state: State
    reason: str = ""
    promoted: tuple[Piece, ...] = field(default=())
    by_position: bool = False


def settle(pieces: list[Piece], *, may_relocate: bool) -> Settlement:
    """Decide about a located job after some of its pieces have changed.

    Parameters
    ----------
    pieces
        All cutouts of the job, in any order.
    may_relocate
        The archive can be asked by position, and was not yet.
    """
    promoted = tuple(_next_spares(pieces))
    if promoted or any(piece.state == "wanted" for piece in pieces):
        return Settlement(State.LOCATED, promoted=promoted)
    done = {piece.band for piece in pieces if piece.state == "done"}
    missing = [piece for piece in pieces if piece.band not in done]
    if missing and may_relocate and all(piece.note in _MISPLACED for piece in missing):
        return Settlement(State.PENDING, by_position=True)
    problems = [piece.note for piece in missing if piece.note not in NOTHING_THERE]
    if problems:
        return Settlement(State.FAILED, reason=problems[0])
    return Settlement(State.DONE if done else State.NO_COVERAGE)


def _next_spares(pieces: list[Piece]) -> list[Piece]:
    wanted = {piece.band for piece in pieces if piece.state == "wanted"}
    best: dict[str, Piece] = {}
    for piece in sorted(pieces, key=lambda piece: piece.rank):
        if piece.state == "spare" and piece.band not in wanted:
            best.setdefault(piece.band, piece)
    return [piece for piece in best.values() if _is_worth_it(piece, pieces)]


def _is_worth_it(spare: Piece, pieces: list[Piece]) -> bool:
    """Whether a band has no stamp, or one of a worse product than this one.

    A spare with a note is asked for again: it could not be had before.
    """
    done = [p.rank for p in pieces if p.band == spare.band and p.state == "done"]
    was_missed = spare.note not in NOTHING_THERE
    return not done or (was_missed and spare.rank < min(done))

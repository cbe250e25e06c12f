"""The rule that decides what follows for a job from its cutouts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.ledger.settlement import NOT_FOUND, Piece, settle
from harvester.states import MOVES, State

_PIECES = st.lists(
    st.builds(
        Piece,
        band=st.sampled_from("gr"),
        product=st.integers(0, 5),
        rank=st.integers(0, 3),
        state=st.sampled_from(["wanted", "spare", "done", "empty"]),
        note=st.sampled_from(["", "outside", NOT_FOUND]),
    ),
    max_size=8,
    unique_by=lambda piece: (piece.band, piece.product),
)


def test_nothing_offered():
    """No product holds the target: an answer, not a failure."""
    assert settle([], may_relocate=False).state is State.NO_COVERAGE


def test_wanted_stays_located():
    """While a band is wanted the job is open."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "wanted")]
    assert settle(pieces, may_relocate=True).state is State.LOCATED


def test_spare_is_promoted():
    """When the best product is empty the next best is wanted."""
    pieces = [
        Piece("r", 1, 0, "empty", "outside"),
        Piece("r", 2, 2, "spare"),
        Piece("r", 3, 1, "spare"),
    ]
    settlement = settle(pieces, may_relocate=False)
    assert [piece.product for piece in settlement.promoted] == [3]
    assert settlement.state is State.LOCATED


def test_spare_for_each_band():
    """Each band whose best product is empty has a next one; one that waits has none."""
    pieces = [
        *(Piece("g", 1, 0, "empty"), Piece("g", 2, 1, "spare")),
        *(Piece("i", 3, 0, "wanted"), Piece("i", 4, 1, "spare")),
        *(Piece("r", 5, 0, "empty"), Piece("r", 6, 1, "spare")),
    ]
    promoted = settle(pieces, may_relocate=False).promoted
    assert [piece.product for piece in promoted] == [2, 6]


@pytest.mark.parametrize(
    ("rank", "note", "is_wanted"),
    [
        (0, "http_403", True),
        (0, "outside", False),
        (1, "http_403", False),
        (2, "http_403", False),
    ],
)
def test_better_than_the_stamp(rank, note, is_wanted):
    """Beside a stamp only a better product is wanted that could not be had before."""
    pieces = [Piece("r", 1, 1, "done"), Piece("r", 2, rank, "spare", note)]
    assert bool(settle(pieces, may_relocate=False).promoted) == is_wanted


def test_spare_is_not_promoted_beside_a_stamp():
    """A band that has its stamp needs no other product."""
    pieces = [Piece("r", 1, 0, "done"), Piece("r", 2, 1, "spare")]
    settlement = settle(pieces, may_relocate=False)
    assert settlement.promoted == ()
    assert settlement.state is State.DONE


def test_empty_frame_sends_back():
    """A frame that does not hold the target has it looked up by position."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "empty", NOT_FOUND)]
    settlement = settle(pieces, may_relocate=True)
    assert settlement.state is State.PENDING
    assert settlement.by_position


def test_missing_file_fails():
    """A file that the archive names and does not have is a failure."""
    pieces = [Piece("r", 1, 0, "empty", NOT_FOUND)]
    settlement = settle(pieces, may_relocate=False)
    assert settlement.state is State.FAILED
    assert settlement.reason == NOT_FOUND


def test_refused_file_has_a_spare():
    """A file that may not be had is replaced by the next best, if there is one."""
    refused = Piece("r", 1, 0, "empty", "http_403")
    assert settle([refused, Piece("r", 2, 1, "spare")], may_relocate=False).promoted
    settlement = settle([refused], may_relocate=True)
    assert settlement.state is State.FAILED
    assert settlement.reason == "http_403"


def test_other_bands_are_finished_first():
    """A band that failed does not take the others from the galaxy."""
    pieces = [Piece("g", 1, 0, "wanted"), Piece("r", 2, 0, "empty", "bad_wcs")]
    assert settle(pieces, may_relocate=True).state is State.LOCATED


def test_one_band_covered():
    """A job is done when every band that is covered is."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "empty", "no_data")]
    assert settle(pieces, may_relocate=False).state is State.DONE


@given(_PIECES, st.booleans())
def test_no_illegal_move(pieces, may_relocate):
    """A located job only ever moves where states.py says, or stays."""
    settlement = settle(pieces, may_relocate=may_relocate)
    assert settlement.state in MOVES[State.LOCATED] | {State.LOCATED}
    assert (settlement.state is State.LOCATED) == bool(
        settlement.promoted or any(piece.state == "wanted" for piece in pieces)
    )


@given(_PIECES)
def test_relocating_ends(pieces):
    """A job that was looked up by position is never sent back again."""
    assert settle(pieces, may_relocate=False).state is not State.PENDING

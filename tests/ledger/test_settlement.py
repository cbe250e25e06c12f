"""The rule that derives the next state of a job from its cutouts."""

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
    """A job without any product becomes NO_COVERAGE, not FAILED."""
    assert settle([], may_relocate=False).state is State.NO_COVERAGE


def test_wanted_stays_located():
    """A job stays LOCATED while a band is wanted."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "wanted")]
    assert settle(pieces, may_relocate=True).state is State.LOCATED


def test_spare_is_promoted():
    """If the best product is empty, the next best is promoted."""
    pieces = [
        Piece("r", 1, 0, "empty", "outside"),
        Piece("r", 2, 2, "spare"),
        Piece("r", 3, 1, "spare"),
    ]
    settlement = settle(pieces, may_relocate=False)
    assert [piece.product for piece in settlement.promoted] == [3]
    assert settlement.state is State.LOCATED


def test_spare_for_each_band():
    """The next best product is promoted in each band that has none wanted."""
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
    """In a band with a stamp, only a better product whose file failed is promoted."""
    pieces = [Piece("r", 1, 1, "done"), Piece("r", 2, rank, "spare", note)]
    assert bool(settle(pieces, may_relocate=False).promoted) == is_wanted


def test_spare_is_not_promoted_beside_a_stamp():
    """In a band with the best product's stamp, no spare is promoted."""
    pieces = [Piece("r", 1, 0, "done"), Piece("r", 2, 1, "spare")]
    settlement = settle(pieces, may_relocate=False)
    assert settlement.promoted == ()
    assert settlement.state is State.DONE


def test_empty_frame_sends_back():
    """If the frame is not found, the job becomes PENDING, to be located by position."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "empty", NOT_FOUND)]
    settlement = settle(pieces, may_relocate=True)
    assert settlement.state is State.PENDING
    assert settlement.by_position


def test_missing_file_fails():
    """A missing file makes the job FAILED if the job may not be relocated."""
    pieces = [Piece("r", 1, 0, "empty", NOT_FOUND)]
    settlement = settle(pieces, may_relocate=False)
    assert settlement.state is State.FAILED
    assert settlement.reason == NOT_FOUND


def test_refused_file_has_a_spare():
    """For a refused file the next best is promoted; without one the job is FAILED."""
    refused = Piece("r", 1, 0, "empty", "http_403")
    assert settle([refused, Piece("r", 2, 1, "spare")], may_relocate=False).promoted
    settlement = settle([refused], may_relocate=True)
    assert settlement.state is State.FAILED
    assert settlement.reason == "http_403"


def test_other_bands_are_finished_first():
    """A job with a failed band stays LOCATED while another band is wanted."""
    pieces = [Piece("g", 1, 0, "wanted"), Piece("r", 2, 0, "empty", "bad_wcs")]
    assert settle(pieces, may_relocate=True).state is State.LOCATED


def test_one_band_covered():
    """A job is DONE when every band with coverage is done."""
    pieces = [Piece("g", 1, 0, "done"), Piece("r", 2, 0, "empty", "no_data")]
    assert settle(pieces, may_relocate=False).state is State.DONE


@given(_PIECES, st.booleans())
def test_no_illegal_move(pieces, may_relocate):
    """A located job only makes moves allowed by states.py, or stays LOCATED."""
    settlement = settle(pieces, may_relocate=may_relocate)
    assert settlement.state in MOVES[State.LOCATED] | {State.LOCATED}
    assert (settlement.state is State.LOCATED) == bool(
        settlement.promoted or any(piece.state == "wanted" for piece in pieces)
    )


@given(_PIECES)
def test_relocating_ends(pieces):
    """A job that may not be relocated never becomes PENDING."""
    assert settle(pieces, may_relocate=False).state is not State.PENDING

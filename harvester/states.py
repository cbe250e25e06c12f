"""The states of a job, and the only moves between them.

A state is something that a restarted process would act on differently. What is
in hand is memory, so there is no "running" and a crash needs no repair.

::

    PENDING --locate--> LOCATED --fetch, cut, write--> DONE
       |  `-- nothing there --> NO_COVERAGE
       `----------- gave up --> FAILED

A retry keeps the state, with one more attempt and a later due time.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["MOVES", "SETTLED", "State"]


class State(StrEnum):
    """How far a job (one target in one survey) has come."""

    PENDING = "pending"
    """No archive was asked yet which product holds the target."""
    LOCATED = "located"
    """The products that hold the target are known."""
    DONE = "done"
    """Every cutout is on disk."""
    NO_COVERAGE = "no_coverage"
    """The archive has no image there: an answer, not an error."""
    FAILED = "failed"
    """Given up, with a reason; ``harvester retry`` takes it up again."""


#: From each state, where a job may go. LOCATED goes back to PENDING when the frame
#: that was named does not hold the target; from there to DONE when there is no other
#: frame, but stamps in other bands. DONE and FAILED go back to LOCATED when ``verify``
#: finds a stamp gone, or ``harvester retry --better`` wants a better one; FAILED else
#: only by ``harvester retry``.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.LOCATED, State.DONE, State.NO_COVERAGE, State.FAILED}
    ),
    State.LOCATED: frozenset(
        {State.DONE, State.NO_COVERAGE, State.FAILED, State.PENDING}
    ),
    State.DONE: frozenset({State.LOCATED}),
    State.NO_COVERAGE: frozenset(),
    State.FAILED: frozenset({State.PENDING, State.LOCATED}),
}

#: Nothing more is done about these without the user's word.
SETTLED = frozenset({State.DONE, State.NO_COVERAGE, State.FAILED})

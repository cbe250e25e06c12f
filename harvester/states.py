"""The states of a job, and the allowed transitions between them.

A state is only what a restarted process must know. Which jobs are being worked on is
kept in memory: there is no state "running", so a crash leaves nothing to repair.

::

    PENDING --locate--> LOCATED --fetch, cut, write--> DONE
       |  `-- nothing there --> NO_COVERAGE
       `----------- gave up --> FAILED

A failed attempt that may be repeated keeps the state; it adds one to the attempts and
sets a later due time.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["MOVES", "SETTLED", "State"]


class State(StrEnum):
    """How far a job (one target in one survey) has come."""

    PENDING = "pending"
    """The archive was not yet asked which products hold the target."""
    LOCATED = "located"
    """The products that hold the target are known."""
    DONE = "done"
    """Every cutout is on disk."""
    NO_COVERAGE = "no_coverage"
    """The archive has no image of the target: an answer, not an error."""
    FAILED = "failed"
    """Given up, with a reason; ``harvester retry`` makes it due again."""


#: The states that a job may enter from each state. Transitions off the main path:
#:
#: * LOCATED -> PENDING: the frame does not hold the target, so look it up by position.
#: * PENDING -> DONE: that look-up finds no frame, but other bands have stamps.
#: * DONE -> LOCATED: ``verify --repair`` misses a stamp, or ``retry --better``.
#: * FAILED -> LOCATED: the same, or ``retry``.
#: * FAILED -> PENDING: ``retry``.
#: * Any -> PENDING: ``extend`` with more bands of the same survey.
#: * NO_COVERAGE, DONE -> PENDING: a run that is watched looks again for new images.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.LOCATED, State.DONE, State.NO_COVERAGE, State.FAILED}
    ),
    State.LOCATED: frozenset(
        {State.DONE, State.NO_COVERAGE, State.FAILED, State.PENDING}
    ),
    State.DONE: frozenset({State.LOCATED, State.PENDING}),
    State.NO_COVERAGE: frozenset({State.PENDING}),
    State.FAILED: frozenset({State.PENDING, State.LOCATED}),
}

#: Jobs in these states stay there until the user gives a command such as ``retry``.
SETTLED = frozenset({State.DONE, State.NO_COVERAGE, State.FAILED})

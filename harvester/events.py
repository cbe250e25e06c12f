"""Events of a harvest, for listeners such as the progress bars; wording of messages.

The parts of a harvest send events; they do not know which listeners there are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .states import State

__all__ = [
    "Began",
    "Controlled",
    "Ended",
    "Event",
    "Heartbeat",
    "HostChanged",
    "Listener",
    "Moved",
    "Note",
    "PageServed",
    "Stalled",
    "Stamped",
    "Watching",
    "as_sentence",
    "counted",
    "duration_words",
    "guarded",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """Some jobs of an archive have entered a state."""

    archive: str
    state: State
    jobs: int
    #: The state that they were in; None: the usual one.
    source: State | None = None


@dataclass(frozen=True, slots=True)
class Stamped:
    """A frame was cut into stamps."""

    archive: str
    product: str
    stamps: int


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the user."""

    text: str
    #: Whether something went wrong.
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class HostChanged:
    """A host is asked in another way than before: it is down, slowed down, well ..."""

    host: str
    #: `HostState.kind`; ``open`` is well.
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a harvest stands, once a minute."""

    text: str
    #: Targets settled in all bands together, of how many.
    settled: int
    total: int
    settled_per_min: float
    #: Seconds to the end; None: not known.
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Stalled:
    """Nothing has moved for some time, or, with ``is_over``, it moves again."""

    text: str
    seconds: float
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Began:
    """A harvest begins its work."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A harvest has ended, in order or, with ``is_error``, by an error."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Watching:
    """Nothing is to be done now; the run waits for something new."""

    text: str
    #: Unix seconds.
    next_look_at: float


@dataclass(frozen=True, slots=True)
class PageServed:
    """The status page of a harvest can be opened."""

    url: str


@dataclass(frozen=True, slots=True)
class Controlled:
    """A user told a harvest at work what to do, and it was done or refused."""

    #: ``pause``, ``resume``, ``retry``, ``rate`` or ``status``.
    verb: str
    text: str
    #: The number of the user, and how the command came: ``socket`` or ``page ADDRESS``.
    uid: int
    via: str
    is_refused: bool = False


Event = (
    Began
    | Controlled
    | Ended
    | Heartbeat
    | HostChanged
    | Moved
    | Note
    | PageServed
    | Stalled
    | Stamped
    | Watching
)

Listener = Callable[[Event], None]


def as_sentence(error: Exception) -> str:
    """Return the message of an error with a full stop at its end."""
    return f"{str(error).removesuffix('.')}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 row``, ``1,204 rows``.

    ``plural`` is needed if it is not the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def duration_words(seconds: float) -> str:
    """Return a duration in words: ``45 s``, ``12 min``, ``2 h``, ``2 h 5 min``."""
    if seconds < 2 * 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(parts)


def guarded(listener: Listener) -> Listener:
    """Wrap a listener: its errors, such as a closed terminal, are only logged."""

    def call(event: Event) -> None:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a broken listener must not end the harvest
            _log.exception("a listener failed at %r", event)

    return call

"""What happens during a harvest, for whoever wants to hear: progress, log, page.

The parts announce; they know of no listener.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .states import State

__all__ = ["Event", "Listener", "Moved", "Note", "Stamped", "undisturbed"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """Jobs of an archive came to a state."""

    archive: str
    state: State
    jobs: int


@dataclass(frozen=True, slots=True)
class Stamped:
    """A frame was cut."""

    archive: str
    product: str
    stamps: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person may want to know."""

    text: str


Event = Moved | Stamped | Note

Listener = Callable[[Event], None]


def undisturbed(listener: Listener) -> Listener:
    """Give a listener whose failures, such as a terminal that is gone, are its own."""

    def tell(event: Event) -> None:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - whatever it is, it is not the harvest
            _log.exception("a listener failed at %r", event)

    return tell

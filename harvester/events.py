"""What happens during a harvest, for whoever wants to hear: progress, log, page.

The parts announce; they know of no listener.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .states import State

__all__ = ["Event", "Heard", "Moved", "Note", "Stamped"]


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

Heard = Callable[[Event], None]

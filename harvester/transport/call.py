"""What a caller asked for, through all tries and hops."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .address import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from .services import Service
    from .throttle import Throttle
    from .wire import Request

__all__ = ["Call", "Waits"]


class Waits(StrEnum):
    """What a request puts up with before it is given up as an outage."""

    #: An outage, for as long as patience lasts.
    LONG = "long"
    #: Single failures, and refusals: an outage is raised once the host is found down.
    WHILE_UP = "while up"
    #: Nothing: what looks like an outage is raised at its first sign.
    NEVER = "never"


@dataclass(slots=True)
class Call:
    """One request of a caller, and what came of it so far."""

    request: Request
    kind: str
    service: Service
    #: The host that is asked first; a redirect may lead to another one.
    throttle: Throttle
    #: Called with the bytes that came, piece by piece.
    on_bytes: Callable[[int], None]
    #: Whether others have the file too: then nothing is waited for or doubted.
    is_mirror: bool = False
    waits: Waits = Waits.LONG
    #: Whether it only looks if a host still has a file that it had.
    is_look: bool = False
    #: So many different addresses refused make it the host's matter.
    handful: float = math.inf
    #: The host that was asked last.
    last: Throttle | None = None
    #: Whether the last refusal came from where a redirect had led.
    was_redirected: bool = False
    #: When it was refused last, by the clock of the throttle, and how often so far
    #: without anything that contradicts it.
    refused_at: float = -math.inf
    doubts: int = 0

    @property
    def is_down(self) -> bool:
        """Whether a host that it goes to lets nothing pass but a probe."""
        return self.throttle.is_down or (self.last or self.throttle).is_down

    @property
    def address(self) -> str:
        """What tells it from other requests, forms included."""
        body = self.request.body
        digest = hashlib.sha256(body).hexdigest()[:16] if body else ""
        return f"{shown(self.request.url)} {digest}"

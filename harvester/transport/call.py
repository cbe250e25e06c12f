"""One request of a caller, through all its tries and redirects."""

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
    """How long a call waits for a host that is down."""

    #: Through an outage, for as long as the settings allow.
    LONG = "long"
    #: Through single failures and refusals; raise when the host is found to be down.
    WHILE_UP = "while up"
    #: Not at all: raise at the first sign of an outage.
    NEVER = "never"


@dataclass(slots=True)
class Call:
    """One request of a caller, and its outcome so far."""

    request: Request
    kind: str
    service: Service
    #: The host that is asked first; a redirect may lead to another one.
    throttle: Throttle
    #: Called with the number of bytes of each piece that came.
    on_bytes: Callable[[int], None]
    #: Whether other hosts have the file too: then nothing is waited for or doubted.
    is_mirror: bool = False
    waits: Waits = Waits.LONG
    #: Whether it only checks with HEAD that a host still has a known file.
    is_look: bool = False
    #: If so many different addresses are refused, the host refuses everything.
    handful: float = math.inf
    #: The host that was asked last.
    last: Throttle | None = None
    #: Whether the last refusal came after a redirect.
    was_redirected: bool = False
    #: When it was refused last, by the clock of the throttle, and how many refusals
    #: are in doubt.
    refused_at: float = -math.inf
    doubts: int = 0

    @property
    def is_down(self) -> bool:
        """Whether one of its hosts is down, so that only probes are sent there."""
        return self.throttle.is_down or (self.last or self.throttle).is_down

    @property
    def address(self) -> str:
        """A text that differs from that of any other request, forms included."""
        body = self.request.body
        digest = hashlib.sha256(body).hexdigest()[:16] if body else ""
        return f"{shown(self.request.url)} {digest}"

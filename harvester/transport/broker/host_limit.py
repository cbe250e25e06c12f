"""The limit of one host, as the broker grants it to this client."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..account import Answer, Wish
from ..turn import LeaseEndedError
from .messages import wish_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..shared_limit import Answered
    from .link import BrokerLink

__all__ = ["BrokerHostLimit"]

#: Up to so many seconds between two requests of a host, none is permitted before the
#: one before it is sent: on their way to two machines, permissions may come close
#: together. Quicker hosts count no gaps, and waiting for each other would cost much.
_STRICT_GAP_S = 0.05

_LOST = (
    "the request was ended, as the broker at {} was not heard for too long and may "
    "give its place to others"
)


class BrokerHostLimit:
    """The limit of one host, shared with harvests on any machine through the broker."""

    def __init__(self, link: BrokerLink, host: str) -> None:
        self._link = link
        self.host = host
        #: Whether a question has not been answered yet.
        self.is_asking = False
        #: When to ask again: all places are taken.
        self.ask_at = -math.inf
        #: Other harvests that were active at the host when it was asked last.
        self.others = 0
        self._answered: Answered | None = None
        self._wish = Wish((), 0.0, 0.0, {})
        self._under_way: Counter[str] = Counter()
        self._cool_until = -math.inf
        self._limits: set[asyncio.Timeout] = set()

    @property
    def is_on(self) -> bool:
        """Whether permission must be asked for: always."""
        return True

    @property
    def down_s(self) -> float:
        """Seconds since the broker was heard; 0: it can be asked."""
        return self._link.down_s

    @property
    def waits_for(self) -> str:
        """Say why the broker cannot be asked; empty if it can."""
        return self._link.waits_for

    @property
    def has_asked(self) -> bool:
        """Whether it has ever asked, so that the broker has to know of it."""
        return bool(self._wish.kinds)

    def facts(self) -> dict[str, Any]:
        """Give the fields of `HostState` that tell of the common limit."""
        return {
            "others": self.others,
            "by_broker": True,
            "no_broker": self._link.waits_for,
        }

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[None]:
        """Send a request in this block, which ends when the lease has run out.

        Raises
        ------
        LeaseEndedError
            It has run out.
        """
        limit = asyncio.timeout(0 if self._link.lease.left_s <= 0 else None)
        try:
            async with limit:
                self._limits.add(limit)
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise LeaseEndedError(_LOST.format(self._link.where)) from error
        finally:
            self._limits.discard(limit)

    def end(self) -> None:
        """End the requests that are under way: their lease has run out."""
        limits, self._limits = self._limits, set()
        for limit in limits:
            limit.reschedule(asyncio.get_running_loop().time())

    def ask(self, wish: Wish, answered: Answered) -> None:
        """Ask for permission to send; ``answered`` is called in the event loop.

        While there is no broker, no answer comes.
        """
        self.is_asking = True
        catch_up_s = _catch_up_s(wish.gap_s, wish.catch_up_s)
        self._wish = Wish(wish.kinds, wish.gap_s, catch_up_s, wish.slots)
        self._answered = answered
        self._link.ask(self, {"do": "ask", "wish": wish_words(self._wish)})

    def ask_again(self) -> None:
        """Have the throttle ask again, if it waits for an answer."""
        if self.is_asking:
            self._settle(Answer("", self._link.clock(), is_full=True))

    def take(self, answer: Answer, *, is_late: bool) -> None:
        """Take an answer of the broker; a permission that comes late is given back."""
        self.others = answer.others
        if answer.kind:
            self._under_way[answer.kind] += 1
        if answer.kind and is_late:
            self.left(answer.kind)
            self.ask_again()
        else:
            self._settle(answer)

    def news(self) -> None:
        """Let the next question be asked at once, as a place may be free."""
        self.ask_at = -math.inf

    def sent(self) -> None:
        """Report that a request has been sent."""
        self._tell({"do": "sent"})

    def set_pace(self, gap_s: float, catch_up_s: float) -> None:
        """Let all harvests keep another gap of this harvest at once."""
        wish = Wish((), gap_s, _catch_up_s(gap_s, catch_up_s), {})
        self._tell({"do": "pace", "wish": wish_words(wish)})

    def left(self, kind: str) -> None:
        """Report that a request of this kind is no longer under way."""
        self.news()
        self._under_way[kind] = max(0, self._under_way[kind] - 1)
        self._tell({"do": "left", "kind": kind})

    def cool_down(self, seconds: float) -> None:
        """Let no harvest send anything for so long."""
        self._cool_until = max(self._cool_until, self._link.clock() + seconds)
        self._tell({"do": "cool", "seconds": seconds})

    def claim(self) -> dict[str, Any]:
        """Give what the broker has to know after a broken connection."""
        wish = Wish((), self._wish.gap_s, self._wish.catch_up_s, self._wish.slots)
        return {
            "wish": wish_words(wish),
            "under_way": dict(self._under_way),
            "cool_s": max(0.0, self._cool_until - self._link.clock()),
        }

    def _settle(self, answer: Answer) -> None:
        self.is_asking = False
        self.ask_at = answer.at if answer.is_full else -math.inf
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(answer)

    def _tell(self, body: dict[str, Any]) -> None:
        self._link.tell({**body, "host": self.host})


def _catch_up_s(gap_s: float, catch_up_s: float) -> float:
    return 0.0 if gap_s >= _STRICT_GAP_S else catch_up_s

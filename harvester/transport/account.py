"""What all harvests of one machine do at one host, and which of them may send next.

This module only computes: the caller reads an account, asks it, and writes it back.
All times are seconds of one clock that every process of the machine shares.

Four rules decide a request:

* no cool-down is going on, whichever harvest was told to wait;
* the last request of any harvest is long enough ago, by the longest gap that an active
  harvest keeps;
* fewer requests of its kind are under way in all harvests together than the smallest
  number that an active harvest allows;
* no harvest that could send now has waited longer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from .backoff import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Account", "Answer", "Member", "Wish"]

#: Seconds after its last question in which the limits of a harvest hold for the others.
_ACTIVE_S = 60.0

#: Seconds between two questions of a harvest that waits for another one's request. If
#: there are many harvests, each asks less often: so many seconds for each of them.
_LOOK_S = 0.05
_LOOK_EACH_S = 0.01

#: Seconds in which a permitted request must be sent. At strict rates no other one is
#: permitted before that: a slow connection must not bring two close together.
_SENDING_S = 20.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a harvest would like to send, and the limits that it keeps itself."""

    #: Kinds of requests that wait, the one to go first at the beginning.
    kinds: tuple[str, ...]
    #: Seconds from one request to the next.
    gap_s: float
    #: Seconds by which a request may come sooner if the one before it was late.
    catch_up_s: float
    #: Requests under way at once, by kind; a kind that is not named has one.
    slots: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """Permission to send one request, or the time at which to ask again."""

    #: The kind that may be sent now; empty: none.
    kind: str
    #: When the next question makes sense.
    at: float
    #: Whether all places are taken by requests that are under way.
    is_full: bool = False
    #: Until when the host has asked to be left alone; 0: it has not.
    cool_until: float = 0.0
    #: How many other harvests of this machine are active at the host.
    others: int = 0


@dataclass
class Member:
    """One harvest at the host."""

    gap_s: float = 0.0
    catch_up_s: float = 0.0
    slots: dict[str, int] = field(default_factory=dict)
    #: Requests under way, by kind.
    under_way: dict[str, int] = field(default_factory=dict)
    #: When it asked last.
    seen: float = 0.0
    #: Kinds that it waits to send, since when, and when it will ask again.
    wants: list[str] = field(default_factory=list)
    since: float = 0.0
    due: float = 0.0
    #: When it was permitted a request that is not sent yet; None: all are sent.
    sending: float | None = None
    #: Until when it counts although its process is not seen to live here: the broker
    #: lends to harvests of other machines. 0: its process is on this machine.
    lease_until: float = 0.0

    def is_active(self, now: float) -> bool:
        """Whether its limits still hold for all."""
        return now - self.seen <= _ACTIVE_S or any(self.under_way.values())

    def is_leased(self, now: float) -> bool:
        """Whether a lease of it has not run out yet."""
        # One that ends later than any lease was written by another clock.
        return 0 < self.lease_until - now <= LONGEST_S

    def facts(self) -> dict[str, object]:
        """Give its fields; without a lease, as they were before there were leases."""
        return {k: v for k, v in vars(self).items() if v or k != "lease_until"}


@dataclass
class Account:
    """One host, as all harvests of the machine use it together."""

    #: When the next request of any harvest may go.
    next_at: float = 0.0
    #: Until when the host wants to be left alone.
    cool_until: float = 0.0
    members: dict[str, Member] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; anything else gives an unused account."""
        try:
            facts = json.loads(text)
            members = {key: Member(**one) for key, one in facts["members"].items()}
            return cls(float(facts["next_at"]), float(facts["cool_until"]), members)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def to_json(self) -> str:
        """Write it in one line."""
        members = {key: one.facts() for key, one in self.members.items()}
        return json.dumps({**vars(self), "members": members}, separators=(",", ":"))

    def forget(self, is_alive: Callable[[str], bool], now: float) -> None:
        """Remove the harvests that have ended, with their requests under way.

        The time of the next request stays as it is, since their requests were sent.
        """
        self.members = {
            key: one
            for key, one in self.members.items()
            if one.is_leased(now) or is_alive(key)
        }

    def lend(self, me: str, until: float) -> None:
        """Count a harvest of another machine until this time."""
        if me in self.members:
            self.members[me].lease_until = until

    def claim(
        self, me: str, wish: Wish, under_way: Mapping[str, int], now: float
    ) -> None:
        """Set the requests under way of a harvest that was not heard for a while."""
        mine = self.members.setdefault(me, Member())
        _note(mine, wish, now)
        mine.under_way, mine.sending = dict(under_way), None
        # Its last request may have been sent unheard.
        self.next_at = max(self.next_at, now + wish.gap_s)

    def drop(self, me: str) -> None:
        """Remove a harvest that has ended."""
        self.members.pop(me, None)

    def ask(self, me: str, wish: Wish, now: float) -> Answer:
        """Permit a harvest to send one of its requests, or say when to ask again."""
        mine = self.members.setdefault(me, Member())
        _note(mine, wish, now)
        answer = self._answer(mine, wish, now)
        mine.due = answer.at
        if answer.kind:
            mine.wants, mine.sending = [], now
            mine.under_way[answer.kind] = mine.under_way.get(answer.kind, 0) + 1
        return answer

    def sent(self, me: str, now: float) -> None:
        """Count the gap from now on: a request has been sent."""
        if me in self.members:
            self.members[me].sending = None
            gap_s, catch_up_s = self._pace(now)
            self.next_at = max(self.next_at, now + gap_s - catch_up_s)

    def set_pace(self, me: str, gap_s: float, catch_up_s: float) -> None:
        """Note that a harvest keeps another gap from now on."""
        if me in self.members:
            mine = self.members[me]
            mine.gap_s, mine.catch_up_s = gap_s, catch_up_s

    def left(self, me: str, kind: str) -> None:
        """Count a request as no longer under way."""
        if me in self.members:
            mine = self.members[me]
            mine.sending = None
            mine.under_way[kind] = max(0, mine.under_way.get(kind, 0) - 1)

    def cool_down(self, until: float) -> None:
        """Let nothing go before this time."""
        self.cool_until = max(self.cool_until, until)

    def _answer(self, mine: Member, wish: Wish, now: float) -> Answer:
        others = len(self._active(now)) - 1
        # A process in a container may have another clock: its times must not keep this
        # one waiting for days.
        self.cool_until = min(self.cool_until, now + LONGEST_S)
        if self.cool_until > now:
            until = self.cool_until
            return Answer("", until, cool_until=until, others=others)
        kind = next((one for one in wish.kinds if self._has_place(one, now)), "")
        if not kind:
            at = now + self._look_s(now)
            return Answer("", at, is_full=True, others=others)
        gap_s, catch_up_s = self._pace(now)
        self.next_at = min(self.next_at, now + gap_s)
        at = max(now, self.next_at) + gap_s * self._ahead(mine, gap_s, now)
        if not catch_up_s and self._is_sending(now):
            at = max(at, now + self._look_s(now))
        if at > now:
            return Answer("", at, others=others)
        # From when it was due, as a late timer would otherwise slow all that follow.
        self.next_at = max(self.next_at + gap_s, now + gap_s - catch_up_s)
        return Answer(kind, self.next_at, others=others)

    def _active(self, now: float) -> list[Member]:
        return [one for one in self.members.values() if one.is_active(now)]

    def _pace(self, now: float) -> tuple[float, float]:
        """Give the longest gap of all, and the least by which it may be shorter."""
        active = self._active(now)
        return max(m.gap_s for m in active), min(m.catch_up_s for m in active)

    def _has_place(self, kind: str, now: float) -> bool:
        active = self._active(now)
        under_way = sum(one.under_way.get(kind, 0) for one in active)
        return under_way < min(one.slots.get(kind, 1) for one in active)

    def _ahead(self, mine: Member, gap_s: float, now: float) -> int:
        """Count the harvests that have waited longer and could send now."""
        # One that does not ask when it is due loses its turn, and one that is due later
        # than is possible has another clock.
        grace_s = max(gap_s / 2, self._look_s(now))
        active = self._active(now)
        longest_s = gap_s * len(active) + grace_s
        wanted = {kind for other in active for kind in other.wants}
        free = {kind for kind in wanted if self._has_place(kind, now)}
        return sum(
            other is not mine
            and other.since < mine.since
            and -grace_s <= other.due - now <= longest_s
            and not free.isdisjoint(other.wants)
            for other in active
        )

    def _look_s(self, now: float) -> float:
        return max(_LOOK_S, _LOOK_EACH_S * len(self._active(now)))

    def _is_sending(self, now: float) -> bool:
        return any(
            one.sending is not None and abs(now - one.sending) < _SENDING_S
            for one in self._active(now)
        )


def _note(mine: Member, wish: Wish, now: float) -> None:
    if not mine.wants:
        mine.since = now
    mine.wants = list(wish.kinds)
    mine.gap_s, mine.catch_up_s = wish.gap_s, wish.catch_up_s
    mine.slots = dict(wish.slots)
    mine.seen = now

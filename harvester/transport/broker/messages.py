"""What a client tells the broker, and what it hears. Times are seconds from now.

Every message of a client renews its lease. Those with a number are answered::

    {"do": "claim", "id": 1, "hosts": {HOST: {"wish": ..., "under_way": {KIND: 2}}}}
    {"do": "ask", "id": 2, "host": HOST, "wish": ...}
    {"do": "beat", "id": 3}
    {"do": "status", "id": 4}
    {"do": "sent" | "left" | "pace" | "cool", "host": HOST, ...}
    {"do": "bye"}

and each answer has the number of its question: ``{"re": 2, ...}``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from ..account import Answer, Wish
from ..backoff import LONGEST_S
from .signed_lines import NoBrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "answer_of",
    "answer_words",
    "counts_of",
    "seconds_of",
    "wish_of",
    "wish_words",
]

T = TypeVar("T")

#: Kinds of requests, hosts and the like in one message at most.
_MOST = 200
#: Characters of a name at most.
_LONGEST = 300
#: Requests under way at most, and seconds between two requests.
_MOST_SLOTS = 100_000
_LONGEST_GAP_S = LONGEST_S


def wish_words(wish: Wish) -> dict[str, Any]:
    """Write a wish."""
    return {
        "kinds": wish.kinds,
        "gap_s": wish.gap_s,
        "catch_up_s": wish.catch_up_s,
        "slots": dict(wish.slots),
    }


def wish_of(body: Any) -> Wish:  # noqa: ANN401 - whatever came
    """Read a wish.

    Raises
    ------
    NoBrokerError
        It is none.
    """

    def read() -> Wish:
        return Wish(
            tuple(_name(one) for one in body["kinds"][:_MOST]),
            seconds_of(body["gap_s"], _LONGEST_GAP_S),
            seconds_of(body["catch_up_s"], _LONGEST_GAP_S),
            counts_of(body["slots"]),
        )

    return _read(read)


def answer_words(answer: Answer, now: float) -> dict[str, Any]:
    """Write an answer; ``now`` is by the clock of its times."""
    return {
        "kind": answer.kind,
        "in_s": max(0.0, answer.at - now),
        "full": answer.is_full,
        "cool_s": max(0.0, answer.cool_until - now),
        "others": answer.others,
    }


def answer_of(body: dict[str, Any], now: float) -> Answer:
    """Read an answer, with times of the clock that says ``now``.

    Raises
    ------
    NoBrokerError
        It is none.
    """

    def read() -> Answer:
        cool_s = seconds_of(body["cool_s"], LONGEST_S)
        return Answer(
            _name(body["kind"]),
            now + seconds_of(body["in_s"], math.inf),
            is_full=bool(body["full"]),
            cool_until=now + cool_s if cool_s else 0.0,
            others=int(body["others"]),
        )

    return _read(read)


def counts_of(body: Any) -> dict[str, int]:  # noqa: ANN401 - whatever came
    """Read a number for each kind of request.

    Raises
    ------
    NoBrokerError
        There is none.
    """

    def read() -> dict[str, int]:
        return {
            _name(key): min(_MOST_SLOTS, max(0, int(number)))
            for key, number in list(body.items())[:_MOST]
        }

    return _read(read)


def seconds_of(body: Any, most_s: float = LONGEST_S) -> float:  # noqa: ANN401 - whatever came
    """Read a number of seconds.

    Raises
    ------
    NoBrokerError
        It is none.
    """

    def read() -> float:
        seconds = float(body)
        if not 0 <= seconds < math.inf:
            msg = f"{seconds} is no number of seconds"
            raise ValueError(msg)
        return min(seconds, most_s)

    return _read(read)


def _name(body: object) -> str:
    if not isinstance(body, str) or len(body) > _LONGEST:
        msg = f"{body!r:.40} is no name"
        raise TypeError(msg)
    return body


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f"a message cannot be read: {error!r}"
        raise NoBrokerError(msg) from error

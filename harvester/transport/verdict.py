"""What became of a request: told to its hosts' throttles, and made an error of ours.

Where a redirect leads is judged as one with the host that sent us there: the verdict on
the last reply is that of the host that was asked first, and of the last one too.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError
from .address import shown
from .backoff import TooManyRequestsError
from .refusals import is_refusal
from .wire import NoAnswerError, to_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yarl import URL

    from .call import Call
    from .throttle import Throttle
    from .turn import Turn

__all__ = ["MAY_PASS", "Chain", "judged"]

#: Refusals that may pass: of too many requests, or for no reason that we know.
MAY_PASS = frozenset({"http_401", "http_403"})

#: What a host must say to the look for a file that it had to be known for one that
#: refuses everything; others may be about the way of looking.
_OF_ALL = MAY_PASS | {"not_found", "http_451", "blocked_redirect"}

#: Characters of an address, and of all in all, that are quoted of a refusal.
_ADDRESS_SHOWN = 100
_QUOTED = 400


class Chain:
    """The hops of one try: each has its host's leave, one verdict holds for all."""

    def __init__(self, call: Call, lingers_s: float) -> None:
        self._call = call
        self._lingers_s = lingers_s
        self._turns: list[Turn] = []
        #: The address that was asked last.
        self.url = call.request.url

    def add(self, turn: Turn, url: URL) -> None:
        """Take the turn of the next hop, and its address."""
        self._turns.append(turn)
        self.url = url

    @property
    def is_redirected(self) -> bool:
        """Whether a redirect has been followed."""
        return len(self._turns) > 1

    def rides_on(self, throttle: Throttle) -> bool:
        """Whether the next hop goes on with the probe of this host."""
        return any(one.throttle is throttle and one.is_probe for one in self._turns)

    def succeeded(self) -> None:
        """Tell that what was asked for came."""
        for turn in self._judged():
            turn.succeeded()

    def failed(self, error: Exception) -> None:
        """Tell what went wrong; what is this machine's own says nothing of a host."""
        turns, call = self._judged(), self._call
        if not turns:  # not even the first one could be had
            return
        match error:
            case TooManyRequestsError():
                turns[-1].refused(error.cool_down_s)
            case OutageError() | TransientError():
                self._linger(error)
                is_outage = isinstance(error, OutageError)
                for turn in turns:
                    turn.failed(call.address, error.reason, unreachable=is_outage)
            case PermanentError() if is_refusal(error):
                self._declined(error)
            case PermanentError() if error.reason != "bad_url":
                # A proper answer, though not the one we hoped for.
                self.succeeded()

    def _declined(self, error: PermanentError) -> None:
        call = self._call
        call.was_redirected = self.is_redirected and error.reason != "blocked_redirect"
        call.refused_at = call.throttle.clock()
        if call.is_look and error.reason not in _OF_ALL:
            return
        # A file that is known decides, but its head says nothing of its body's length.
        by_look = error.reason != "too_large"
        for turn in self._judged():
            if call.is_mirror and not turn.throttle.refusals(call.kind).is_full:
                turn.answered()
                continue
            is_asked = by_look and turn.throttle is call.throttle
            turn.declined(
                call.address,
                self._quoted(error),
                handful=call.handful if is_asked else turn.throttle.handful,
                slows=error.reason in MAY_PASS,
            )

    def _quoted(self, error: PermanentError) -> str:
        """Give what a host said, its address cut short: queries are in theirs."""
        where = shown(self.url)
        short = where if len(where) <= _ADDRESS_SHOWN else f"{where[:_ADDRESS_SHOWN]}…"
        return str(error).replace(where, short)[:_QUOTED]

    def _linger(self, error: TransientError) -> None:
        # It would otherwise be asked the same again while it still works on it, and
        # two of our queries would run there where one is allowed.
        if isinstance(error, NoAnswerError) and self._call.kind == "query":
            self._turns[-1].linger(self._lingers_s)

    def _judged(self) -> list[Turn]:
        """Give the turns that the verdict is told to, one for each host."""
        if not self._turns:
            return []
        hosts = dict.fromkeys(one.throttle for one in (self._turns[0], self._turns[-1]))
        return [
            max(
                (one for one in self._turns if one.throttle is throttle),
                key=lambda one: one.is_probe,
            )
            for throttle in hosts
        ]


@contextmanager
def judged(chain: Chain) -> Iterator[None]:
    """Tell the throttles what became of a try, and make its error one of ours."""
    try:
        yield
    except Exception as error:
        ours = to_ours(error, chain.url)
        if _is_lured(ours) and chain.is_redirected:
            ours = PermanentError("blocked_redirect", str(ours))
        chain.failed(ours)
        if ours is error:
            raise
        raise ours from error
    chain.succeeded()


def _is_lured(error: Exception) -> bool:
    return isinstance(error, OutageError) and error.reason == "blocked_address"

"""The outcome of a try: reported to the throttles of its hosts, as an error of ours.

The target of a redirect is judged together with the host that sent it: the outcome of
the last reply is reported to the host that was asked first and to the last one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError
from .address import shown
from .backoff import TooManyRequestsError
from .refusals import is_refusal
from .turn import LeaseEndedError
from .wire import NoAnswerError, to_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yarl import URL

    from .call import Call
    from .throttle import Throttle
    from .turn import Turn

__all__ = ["MAY_PASS", "Chain", "judged"]

#: Refusals that may pass: too many requests, or no known reason.
MAY_PASS = frozenset({"http_401", "http_403"})

#: Answers to HEAD for a known file that mean that the host refuses everything; others
#: may concern HEAD itself.
_OF_ALL = MAY_PASS | {"not_found", "http_451", "blocked_redirect"}

#: Characters of a refusal that are quoted: of its address, and in all.
_ADDRESS_SHOWN = 100
_QUOTED = 400


class Chain:
    """The hops of one try: each has its turn, and one outcome holds for all."""

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
        """Whether the next hop follows a redirect of the probe of this host."""
        return any(one.throttle is throttle and one.is_probe for one in self._turns)

    def succeeded(self) -> None:
        """Report that the reply was good."""
        for turn in self._judged():
            turn.succeeded()

    def failed(self, error: Exception) -> None:
        """Report what went wrong; trouble of this machine says nothing about a host."""
        turns, call = self._judged(), self._call
        if not turns:  # nothing was sent
            return
        match error:
            case LeaseEndedError():
                pass  # the broker's affair
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
                # The host answered as it should, with bad news.
                self.succeeded()

    def _declined(self, error: PermanentError) -> None:
        call = self._call
        call.was_redirected = self.is_redirected and error.reason != "blocked_redirect"
        call.refused_at = call.throttle.clock()
        if call.is_look and error.reason not in _OF_ALL:
            return
        # A known file decides, but HEAD says nothing about the length of a body.
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
        """Quote a refusal with its address cut short: it may contain a long query."""
        where = shown(self.url)
        short = where if len(where) <= _ADDRESS_SHOWN else f"{where[:_ADDRESS_SHOWN]}…"
        return str(error).replace(where, short)[:_QUOTED]

    def _linger(self, error: TransientError) -> None:
        # Otherwise the query would be sent again while the server still works on it,
        # and two of ours would run where one is allowed.
        if isinstance(error, NoAnswerError) and self._call.kind == "query":
            self._turns[-1].linger(self._lingers_s)

    def _judged(self) -> list[Turn]:
        """Give the turns that the outcome is reported to, one for each host."""
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
    """Report the outcome of a try to the throttles; turn its error into ours."""
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

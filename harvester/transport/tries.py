"""The tries of a call: again after a failure, until tries or time are up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ..errors import OutageError, PermanentError, TransientError
from .backoff import Patience
from .call import Waits
from .doubt import Doubts
from .intake import Buffer, refuse_text
from .refusals import is_refusal
from .turn import GaveUpError, LeaseEndedError
from .wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from yarl import URL

    from .body import Limits
    from .call import Call
    from .hops import Hops, Result

__all__ = ["Tries"]

#: Tries of a file that other hosts have too: the second is for a single failure.
_MIRROR_TRIES = 2

#: Seconds that a call waits for a host that is down if it does not wait for its end.
_SHORT_S = 1.0

T = TypeVar("T")


def _no_callback(_size: int) -> None:
    """Do nothing with the bytes of a check."""


class Tries:
    """Tries each call until it succeeds or is given up."""

    def __init__(
        self,
        hops: Hops,
        limits: Limits,
        *,
        known_good: Mapping[str, URL],
        random: Callable[[], float],
    ) -> None:
        self._hops = hops
        self._limits = limits
        self._doubts = Doubts(limits, self._look, known_good)
        self._random = random

    async def persevere(
        self, call: Call, intake: Result[T], at_once: Collection[str] = ()
    ) -> T:
        """Try until the reply is good, or tries or time are up; raise the last error.

        ``at_once``: reasons of errors that are raised without another try.
        """
        limits = self._limits
        patience = Patience(
            min(limits.tries, _MIRROR_TRIES) if call.is_mirror else limits.tries,
            0.0 if call.waits is Waits.NEVER else limits.patience_s,
            clock=call.throttle.awake_s,
            random=self._random,
        )
        last: TransientError | None = None
        while True:
            call.handful = self._doubts.handful(call)
            try:
                # Refusals are waited for, not long: the next file asked may be given.
                is_refusing = call.throttle.refusals(call.kind).is_full
                is_long = call.waits is Waits.LONG or is_refusing
                left_s = patience.left_s() if is_long else _SHORT_S
                result = await self._hops.attempt(call, intake, left_s)
            except GaveUpError as error:
                if error.reason == "refuses":
                    raise self._doubts.refused(call) from error
                if error.reason == "no_broker":
                    raise
                words = f"{error}. The last failure: {last}" if last else str(error)
                raise GaveUpError(error.reason, words) from error
            except TransientError as error:
                last = error
                if error.reason in at_once:
                    raise
                wait_s = await self._after(call, error, patience)
            except PermanentError as error:
                if not self._is_doubtful(call, error):
                    raise
                wait_s = await self._doubts.weigh(call, error, patience)
            else:
                self._doubts.came(call)
                return result
            await asyncio.sleep(wait_s)

    async def _after(
        self, call: Call, error: TransientError, patience: Patience
    ) -> float:
        if isinstance(error, LeaseEndedError):
            return 0.0  # the next try waits for the broker
        if call.waits is Waits.WHILE_UP and call.is_down:
            raise OutageError(error.reason, str(error)) from error
        # Of a mirror any failure spends a try: there are not many.
        is_sound = call.is_mirror or (
            isinstance(error, OutageError) and await self._doubts.is_sound(call)
        )
        return patience.after(
            error,
            down=call.is_down,
            successes=call.throttle.successes,
            is_sound=is_sound,
        )

    def _is_doubtful(self, call: Call, error: PermanentError) -> bool:
        # A mirror has no say in what an archive has, unless it is the archive itself
        # that refuses everything.
        refusals = call.throttle.refusals(call.kind)
        return is_refusal(error) and (not call.is_mirror or refusals.is_full)

    async def _look(self, call: Call, url: URL) -> None:
        """Ask for the head of a file that the host of a call has had."""
        look = replace(
            call,
            request=Request("HEAD", url, {}),
            on_bytes=_no_callback,
            is_mirror=False,
            is_look=True,
            # That one is enough.
            handful=1,
        )
        head = Buffer(self._limits.json_cap, refuse_text)
        await self._hops.attempt(look, head, self._limits.patience_s)

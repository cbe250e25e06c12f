"""Whether the object store can be reached, and how long to wait if it cannot."""

from __future__ import annotations

import asyncio
import time
from random import random as any_number
from typing import TYPE_CHECKING, TypeVar

from ...errors import InputError, OutageError, PermanentError, TransientError
from ...events import duration_words
from ...transport.backoff import backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["StoreOutage"]

_Result = TypeVar("_Result")

#: Longest pause in seconds between two tries.
_CAP_S = 30.0


class StoreOutage:
    """The outage of a store that several tasks use; it ends with the first success.

    Parameters
    ----------
    patience_s
        Seconds of outage after which the harvest ends.
    """

    def __init__(
        self,
        address: str,
        patience_s: float,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = any_number,
    ) -> None:
        self._address = address
        self._patience_s = patience_s
        self._clock = clock
        self._random = random
        self._since = 0.0
        #: Outages that have ended.
        self.over = 0
        #: Why the store could not be used last; empty: all is well.
        self.why = ""
        #: When the next try is due, Unix seconds.
        self.next_try_at = 0.0

    async def outlast(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do something with the store, again and again until it works.

        Raises
        ------
        OutageError
            It has not worked for too long.
        InputError
            The store refuses it.
        """
        tries = 0
        while True:
            try:
                done = await work()
            except PermanentError as error:
                raise InputError(str(error)) from error
            except TransientError as error:
                tries += 1
                await asyncio.sleep(self._pause_s(tries, error))
            else:
                self.over += bool(self.why)
                self.why, self._since = "", 0.0
                return done

    def _pause_s(self, tries: int, error: TransientError) -> float:
        now = self._clock()
        self._since = self._since or now
        self.why = str(error).removeprefix(f"{self._address}: ").rstrip(". ")
        lasts_s = now - self._since
        if lasts_s >= self._patience_s:
            msg = (
                f"gave up after {duration_words(lasts_s)} of outage of "
                f"{self._address}: {self.why}. What was not sent is on this disk; run "
                "`harvester resume` later"
            )
            raise OutageError("store", msg) from error
        pause_s = backoff(tries, cap=_CAP_S, random=self._random)
        self.next_try_at = now + pause_s
        return pause_s

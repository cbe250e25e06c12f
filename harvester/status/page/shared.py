"""Answers that all viewers share, so that twenty viewers cost what one costs.

All reading happens in one thread, one read after the other. An answer is made again
only when it is asked for and old. How old it may become grows with the time that it
takes: a ledger with a million targets is read less often than a small one.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["PageAnswer", "SharedAnswers", "as_json"]

#: The page reads at most one part in this many of the time.
_SHARE = 20

#: Answers that are kept; the oldest go first.
_KEPT = 400

#: Bytes from which on an answer is compressed.
_COMPRESSED_FROM = 2_000


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """The bytes of an answer, ready to be sent."""

    body: bytes
    kind: str = "application/json"
    #: Of HTTP.
    status: int = 200
    #: ``body`` compressed by gzip; empty if that is not worth it.
    packed: bytes = b""

    @classmethod
    def of(cls, body: bytes, kind: str) -> Self:
        """Make an answer that is compressed too if that saves much."""
        is_long = len(body) >= _COMPRESSED_FROM
        return cls(body, kind, packed=gzip.compress(body, 5) if is_long else b"")

    @property
    def tag(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.body).hexdigest()[:16]


def as_json(value: Any) -> PageAnswer:  # noqa: ANN401 - whatever JSON can hold
    """Write a value as JSON, and compressed too if that saves much."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return PageAnswer.of(body, "application/json")


@dataclass(slots=True)
class _Kept:
    """An answer, and until when it is used (seconds of the monotonic clock)."""

    answer: PageAnswer
    until: float


class SharedAnswers:
    """Makes answers in one thread, and keeps each for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._reading = asyncio.Lock()

    async def get(
        self, key: Hashable, make: Callable[[], PageAnswer], *, lasts_s: float
    ) -> PageAnswer:
        """Return the answer of this name, made by ``make`` if there is no fresh one.

        Parameters
        ----------
        lasts_s
            How long it is used at least, in seconds.
        """
        if answer := self._fresh(key):
            return answer
        async with self._reading:
            # It may have been made while this viewer waited for its turn.
            return self._fresh(key) or await self._make(key, make, lasts_s)

    def _fresh(self, key: Hashable) -> PageAnswer | None:
        kept = self._kept.get(key)
        return kept.answer if kept and self._clock() < kept.until else None

    async def _make(
        self, key: Hashable, make: Callable[[], PageAnswer], lasts_s: float
    ) -> PageAnswer:
        loop = asyncio.get_running_loop()
        answer, took_s = await loop.run_in_executor(self._thread, self._timed, make)
        until = self._clock() + max(lasts_s, _SHARE * took_s)
        self._kept[key] = _Kept(answer, until)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return answer

    def _timed(self, make: Callable[[], PageAnswer]) -> tuple[PageAnswer, float]:
        began = self._clock()
        answer = make()
        return answer, self._clock() - began

    def close(self) -> None:
        """End the thread after the read that it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)

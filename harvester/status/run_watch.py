"""Watches a harvest from inside: writes its signs of life, and says when it stalls.

The ledger gets who harvests and when something moved (every few seconds), and a moment
of the history (every minute). The listener gets a heartbeat every minute.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..events import Moved, Stalled, Stamped, duration_words
from ..ledger.history import EVERY_S, HostNow
from ..ledger.in_thread import in_thread
from ..ledger.process import ProcessMark
from ..ledger.runner import PauseMark, Runner
from .host_watch import HostWatch
from .report import read_report
from .report_words import beat_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from ..events import Event, Listener
    from ..ledger.ledger import Ledger
    from ..places import Places
    from ..transport.host_state import HostState
    from ..transport.transport import Transport

__all__ = ["RunWatch", "watched"]

_log = logging.getLogger(__name__)

#: Seconds between two looks.
_LOOK_S = 2.0

#: Seconds between two times at which the ledger is told who harvests.
_SIGN_S = 4.0

#: Seconds without any movement after which that is said; then after twice as long.
_STALLED_S = 300.0


class RunWatch:
    """The signs of life of one harvest.

    Parameters
    ----------
    hosts
        For each archive the hosts that are asked.
    load
        Gives the frames that are being cut, and the processes that cut.
    store
        Gives the state of the object store that stamps are sent to, if there is one.
    """

    def __init__(
        self,
        ledger: Ledger,
        listener: Listener,
        *,
        hosts: Mapping[str, tuple[str, ...]],
        load: Callable[[], tuple[int, int]] = lambda: (0, 0),
        store: Callable[[], list[HostState]] = list,
        is_plan: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._hear = listener
        self._hosts = hosts
        self._load = load
        self._store = store
        self._is_plan = is_plan
        #: Gives Unix seconds.
        self.now = clock
        self._host_watch = HostWatch(ledger, listener)
        self._process = ProcessMark.own()
        self._since = self._progress_at = clock()
        self._heard_at = self._resumed_at = 0.0
        self._paused: PauseMark | None = None
        #: Path of the socket on which the harvest takes commands; empty: it takes none.
        self.control = ""
        self._signed_at = self._kept_at = float("-inf")
        self._next_word_s = _STALLED_S

    def listener(self, event: Event) -> None:
        """Pass an event on; a job that moved and a stamp are progress."""
        if isinstance(event, Moved | Stamped):
            self._progress_at = self.now()
        self._hear(event)

    def look(self, states: Sequence[HostState]) -> bool:
        """Write what is due; tell whether a moment of the history is due as well."""
        now = self.now()
        states = [*states, *self._store()]
        self._host_watch.look(states, now)
        self._heard_at = max((state.heard_at for state in states), default=0.0)
        if not 0 <= now - self._signed_at < _SIGN_S:
            self.sign()
        self._check_stall(states, now)
        return not 0 <= now - self._kept_at < EVERY_S

    @property
    def paused(self) -> PauseMark | None:
        """The pause that is going on; None: there is none."""
        return self._paused

    def pause(self, by: str) -> PauseMark:
        """Note that a user has paused the harvest; not moving is in order then."""
        self._paused = PauseMark(by, self.now())
        self.sign()
        return self._paused

    def resume(self) -> None:
        """Note that the pause is over."""
        self._paused, self._resumed_at = None, self.now()
        self._next_word_s = _STALLED_S
        self.sign()

    def keep_moment(self, transport: Transport) -> None:
        """Add to the history how the run stands now."""
        self._kept_at = self.now()
        answers = transport.take_answers()
        self._ledger.keep_history(
            [
                HostNow(
                    *(one.host, one.in_flight, one.waiting, one.rate, one.kind),
                    *answers[one.host],
                )
                for one in transport.states()
            ],
            self._kept_at,
        )

    def sign_out(self) -> None:
        """Say that the harvest has ended in order."""
        self._ledger.keep_runner(None)
        self._ledger.keep_host_states({})

    def sign(self) -> None:
        """Tell the ledger who harvests, with the next commit."""
        self._signed_at = now = self.now()
        cutting, processes = self._load()
        self._ledger.keep_runner(
            Runner(
                self._process,
                self._since,
                now,
                progress_at=self._progress_at,
                heard_at=self._heard_at,
                cutting=cutting,
                processes=processes,
                hosts=self._with_store(),
                is_plan=self._is_plan,
                paused=self._paused,
                resumed_at=self._resumed_at,
                control=self.control,
            )
        )

    def _with_store(self) -> dict[str, tuple[str, ...]]:
        # While too much waits for the store, the lanes wait for it as for a host.
        stores = tuple(one.host for one in self._store())
        return {name: (*hosts, *stores) for name, hosts in self._hosts.items()}

    def _check_stall(self, states: Sequence[HostState], now: float) -> None:
        if self._paused is not None:
            return
        still_s = now - max(self._progress_at, self._heard_at, self._resumed_at)
        if still_s >= self._next_word_s:
            self._next_word_s *= 2
            text = (
                f"nothing has moved for {duration_words(still_s)}: {_why(states, now)}"
            )
            self._hear(Stalled(text, still_s))
        elif still_s < _STALLED_S < self._next_word_s:
            self._next_word_s = _STALLED_S
            self._hear(Stalled("it moves again", still_s, is_over=True))


def _why(states: Sequence[HostState], now: float) -> str:
    asked = [state for state in states if state.in_flight or state.waiting]
    if not asked:
        return "no request is under way or waits"
    return "; ".join(f"{state.host}: {state.words(now)}" for state in asked)


async def _beat(watch: RunWatch, places: Places) -> None:
    try:
        report = await in_thread(read_report, places, watch.now())
    except Exception:  # noqa: BLE001 - the harvest itself meets what is wrong
        _log.exception("the heartbeat is left out")
        return
    if beat := beat_of(report):
        watch.listener(beat)


@asynccontextmanager
async def watched(
    watch: RunWatch, transport: Transport, places: Places
) -> AsyncIterator[None]:
    """Watch while the block runs; sign out afterwards."""

    async def look_forever() -> None:
        while True:
            if watch.look(transport.states()):
                watch.keep_moment(transport)
                await _beat(watch, places)
            await asyncio.sleep(_LOOK_S)

    watch.look(transport.states())
    watch.keep_moment(transport)
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look_forever(), name="watch")
        try:
            yield
        finally:
            looking.cancel()
            watch.keep_moment(transport)
            watch.sign_out()

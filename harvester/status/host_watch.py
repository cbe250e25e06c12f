"""Tells how the hosts stand: to who listens, and to ``status`` through the ledger."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..events import Note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..events import Listener
    from ..ledger.ledger import Ledger
    from ..transport.host_state import HostState
    from ..transport.transport import Transport

__all__ = ["HostWatch", "watched"]

#: Seconds between two looks.
_EVERY_S = 2.0

#: Seconds after which it is written again that all is as it was: without that,
#: nobody could tell a host that stays shut from a harvester that is gone.
_AT_LEAST_EVERY_S = 10.0

#: Seconds between two lines about one host, however often it changes.
_LINE_EVERY_S = 30.0


class HostWatch:
    """Looks how the hosts stand, and says what has changed."""

    def __init__(self, ledger: Ledger, listener: Listener) -> None:
        self._ledger = ledger
        self._heard = listener
        self._kept: dict[str, dict[str, object]] = {}
        self._kept_at = float("-inf")
        #: What was said last of each host, and when.
        self._said: dict[str, tuple[str, float]] = {}

    def look(self, states: list[HostState], now: float) -> None:
        """Keep what is new, and say it; ``now`` in Unix seconds."""
        for state in states:
            self._say(state, now)
        seen = {state.host: asdict(state) for state in states}
        if seen != self._kept or not 0 <= now - self._kept_at < _AT_LEAST_EVERY_S:
            self._kept, self._kept_at = seen, now
            self._ledger.keep_host_states(
                {host: json.dumps({**one, "at": now}) for host, one in seen.items()}
            )

    def _say(self, state: HostState, now: float) -> None:
        kind, at = self._said.get(state.host, ("open", float("-inf")))
        if state.kind != kind and now - at >= _LINE_EVERY_S:
            self._said[state.host] = (state.kind, now)
            self._heard(Note(f"{state.host}: {state.words(now)}"))


@asynccontextmanager
async def watched(
    transport: Transport, ledger: Ledger, listener: Listener
) -> AsyncIterator[None]:
    """Look at the hosts now and then while the block runs; then forget them."""

    async def look_forever() -> None:
        watch = HostWatch(ledger, listener)
        while True:
            watch.look(transport.states(), time.time())
            await asyncio.sleep(_EVERY_S)

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look_forever(), name="hosts")
        try:
            yield
        finally:
            looking.cancel()
            ledger.keep_host_states({})

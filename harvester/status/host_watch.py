"""Reports the states of the hosts to the listener, and to ``status`` by the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..events import HostChanged

if TYPE_CHECKING:
    from ..events import Listener
    from ..ledger.ledger import Ledger
    from ..transport.host_state import HostState

__all__ = ["HostWatch"]

#: Seconds after which unchanged states are written again. `status` ignores old states,
#: because their harvester may have been killed.
_AT_LEAST_EVERY_S = 10.0

#: Shortest time in seconds between two messages about one host.
_LINE_EVERY_S = 30.0


class HostWatch:
    """Compares the states of the hosts with the last ones, and reports changes."""

    def __init__(self, ledger: Ledger, listener: Listener) -> None:
        self._ledger = ledger
        self._listener = listener
        self._kept: dict[str, dict[str, object]] = {}
        self._kept_at = float("-inf")
        #: For each host the kind of state last reported, and when (Unix seconds).
        self._said: dict[str, tuple[str, float]] = {}

    def look(self, states: list[HostState], now: float) -> None:
        """Write changed states to the ledger and report them; ``now`` is Unix time."""
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
            words = f"{state.host}: {state.words(now)}"
            self._listener(HostChanged(state.host, state.kind, words))

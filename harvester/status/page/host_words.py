"""The hosts of a run: what each was asked, and what its next request waits for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...ledger.hosts import HOST
from ...transport.host_state import HostState

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["host_states", "host_words"]

#: Seconds for which the state of a host that a harvester wrote is valid; a harvester
#: writes it at least every ten.
_STATE_VALID_S = 30.0


def host_states(facts: Mapping[str, str], now: float) -> dict[str, HostState]:
    """Read the states of the hosts from the facts of a run.

    ``now`` in Unix seconds; empty if no harvest has written them lately.
    """
    told = {
        key.removeprefix(HOST): json.loads(text)
        for key, text in facts.items()
        if key.startswith(HOST)
    }
    return {
        name: HostState(**one)
        for name, one in told.items()
        if 0 <= now - one.pop("at") < _STATE_VALID_S
    }


def host_words(
    row: tuple[str, int, int, float], state: HostState | None, now: float
) -> dict[str, Any]:
    """Describe a host from its row of the ledger and its state, None if it rests."""
    name, requests, received, cooled_until = row
    told: dict[str, Any] = {"name": name, "requests": requests, "bytes": received}
    if state is not None:
        return told | {
            "kind": state.kind,
            "words": state.words(now),
            "load": state.load(),
            "waiting": state.waiting,
        }
    left_s = max(0.0, cooled_until - now)
    words = f"no requests for {left_s:.0f} s, as the host asked" if left_s else ""
    return told | {"kind": "", "words": words, "load": "", "waiting": 0}

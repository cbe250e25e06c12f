"""Keeps in the ledger what is learned of the hosts while a harvest runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..ledger.ledger import Ledger
    from ..models import HostFacts
    from ..transport.host_speed import HostSpeeds

__all__ = ["Learned", "kept_learned"]

#: Seconds between two writes: a harvest that is killed loses no more than this.
_EVERY_S = 10.0


class Learned:
    """Writes what has changed of the facts about hosts."""

    def __init__(self, ledger: Ledger, speeds: HostSpeeds) -> None:
        self._ledger = ledger
        self._speeds = speeds
        self._kept: dict[str, HostFacts] = speeds.facts()

    def keep(self) -> None:
        """Write facts that are new, with the next commit of the ledger."""
        facts = self._speeds.facts()
        new = {host: one for host, one in facts.items() if one != self._kept.get(host)}
        if new:
            self._ledger.keep_host_facts(new)
        self._kept = facts


@asynccontextmanager
async def kept_learned(ledger: Ledger, speeds: HostSpeeds) -> AsyncIterator[None]:
    """Keep what is learned now and then while the block runs, and at its end."""
    learned = Learned(ledger, speeds)

    async def keep_forever() -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            learned.keep()

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(keep_forever(), name="learned")
        try:
            yield
        finally:
            keeping.cancel()
            learned.keep()

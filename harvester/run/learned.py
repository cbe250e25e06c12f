"""Keeps what is learned of the hosts while a harvest runs.

The ledger keeps it for this run, and the state folder for the others of this machine.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..transport.shared_hosts import write_shared_hosts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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
        self._kept: dict[str, HostFacts] = {}

    def keep(self) -> None:
        """Write facts that are new, with the next commit of the ledger."""
        facts = self._speeds.facts()
        new = {host: one for host, one in facts.items() if one != self._kept.get(host)}
        if new:
            self._ledger.keep_host_facts(new)
        self._kept = facts


@asynccontextmanager
async def kept_learned(
    ledger: Ledger, speeds: HostSpeeds, folder: Path | None = None
) -> AsyncIterator[None]:
    """Keep what is learned now and then while the block runs, and at its end.

    ``folder`` is that of the state of this machine; None: other harvests are not told.
    """
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
            if folder is not None:
                await asyncio.to_thread(write_shared_hosts, folder, speeds.facts())

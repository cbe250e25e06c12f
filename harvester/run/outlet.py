"""Where the stamps of a lane go besides the folder of the run: nowhere, or a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..models import Receipt

__all__ = ["NOWHERE", "Outlet"]


class Outlet(Protocol):
    """Takes the stamps that the ledger has recorded."""

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Take stamps; those with a problem are none."""
        ...

    async def room(self) -> None:
        """Return when more stamps may be made: not too many wait to be sent."""
        ...


class _Nowhere:
    """The stamps stay in the folder of the run."""

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Do nothing."""

    async def room(self) -> None:
        """Return at once."""


NOWHERE: Outlet = _Nowhere()

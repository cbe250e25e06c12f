"""What is asked of an archive before a run has its ledger: positions of identifiers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..archives.sdss.positions import look_up_positions
from .transport_setup import make_first_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..events import Listener
    from ..settings.settings import Settings

__all__ = ["positions_of"]


def positions_of(
    settings: Settings, listener: Listener
) -> Callable[[Sequence[str]], dict[str, tuple[float, float]]]:
    """Give what looks SDSS identifiers up: positions in ICRS degrees, by identifier.

    What it gives must be called where no event loop runs. It raises `TransientError`
    if SDSS does not answer: the run has not begun then, and can be begun again.
    """

    async def ask(ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        async with make_first_transport(settings) as transport:
            return await look_up_positions(
                transport,
                ids,
                release=settings.archive("sdss").release,
                listener=listener,
            )

    return lambda ids: asyncio.run(ask(ids))

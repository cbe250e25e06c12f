"""What is asked of an archive before a run has its ledger: positions of identifiers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..archives.registry import kind_of
from .own_loop import run_in_own_loop
from .transport_setup import make_first_transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..catalogue.id_lists import LookUp
    from ..events import Listener
    from ..settings.settings import Settings

__all__ = ["positions_of"]


def positions_of(settings: Settings, listener: Listener) -> LookUp:
    """Give what asks an archive for the positions of its identifiers, in ICRS degrees.

    What it gives raises `TransientError` if the archive does not answer: the run has
    not begun then, and can be begun again.
    """

    async def ask(
        archive: str, ids: Sequence[str]
    ) -> Mapping[str, tuple[float, float]]:
        identifiers = kind_of(archive).identifiers
        assert identifiers is not None
        section = settings.archive(archive)
        async with make_first_transport(settings) as transport:
            return await identifiers.look_up(transport, section, ids, listener)

    return lambda archive, ids: run_in_own_loop(partial(ask, archive, ids))

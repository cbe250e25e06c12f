"""Positions of identifiers, asked from an archive before the run has a ledger."""

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
    """Return a function that asks an archive for the positions of its identifiers.

    Positions are in ICRS degrees. The function raises `TransientError` if the archive
    does not answer; no run exists then, and the same command can be given again.
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

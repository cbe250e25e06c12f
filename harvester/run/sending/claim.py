"""The mark of a run in its object store, so that no two runs share one folder there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

from ... import __version__
from ...errors import InputError
from ...ledger.in_thread import in_thread
from ...ledger.view import LedgerView

if TYPE_CHECKING:
    from ...dataset.object_store.objects import Objects
    from ...ledger.ledger import Ledger
    from ...places import Places

__all__ = ["CLAIM", "claim", "kept_identifier", "need_unclaimed", "run_identifier"]

#: Name of the object with the identifier of the run.
CLAIM = "run.json"

#: Key, among the facts of a run, of its identifier.
_FACT = "store run"


async def run_identifier(ledger: Ledger, places: Places) -> str:
    """Give the identifier of a run, which copies of its ledger share."""
    await ledger.keep_fact(_FACT, uuid4().hex)
    return await in_thread(kept_identifier, places)


def kept_identifier(places: Places) -> str:
    """Give the identifier of a run; empty: it has sent nothing yet."""
    with LedgerView.open(places.ledger) as view:
        return view.facts().get(_FACT, "")


async def claim(objects: Objects, run: str) -> None:
    """Mark a folder of a store as that of a run.

    Raises
    ------
    InputError
        Another run has it.
    """
    mark = {"run": run, "made_by": f"harvester {__version__}"}
    if await objects.put_new(CLAIM, json.dumps(mark).encode(), {}) is not None:
        return
    other = await _claimed_by(objects)
    if other != run:
        raise InputError(_taken(objects.address))


async def need_unclaimed(objects: Objects) -> None:
    """Refuse to begin a run in a folder of a store that has one.

    Raises
    ------
    InputError
        There is a run.
    """
    if await _claimed_by(objects):
        raise InputError(_taken(objects.address))


async def _claimed_by(objects: Objects) -> str:
    """Give the identifier of the run in a store; empty: there is none."""
    content = await objects.read(CLAIM)
    try:
        return str(json.loads(content or b"{}").get("run", ""))
    except (ValueError, AttributeError) as error:
        msg = (
            f"{objects.address}/{CLAIM} was not written by harvester. Choose another "
            "prefix"
        )
        raise InputError(msg) from error


def _taken(address: str) -> str:
    return (
        f"{address} has the stamps of another run. To continue that run in a new "
        f"folder: harvester resume {address}. For a new run choose another prefix"
    )

"""Facts of a run that a harvest keeps in the ledger: dates, version, bill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .. import __version__
from ..ledger.in_thread import in_thread
from ..ledger.part_mark import WORKED
from ..ledger.run_dates import BEGAN, SETTLED, RunDates, utc_now
from ..ledger.view import LedgerView
from ..plan.bill import read_bill, totals
from ..states import State
from ..status.report import read_report, unsettled
from .disk import check_room
from .transport_setup import allowance

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..places import Places
    from ..settings.settings import Settings

__all__ = ["keep_begin", "keep_bill", "keep_if_settled"]


async def keep_begin(ledger: Ledger, places: Places) -> None:
    """Keep which version works on a run, and since when if there is work."""
    await ledger.keep_fact(f"{WORKED}{__version__}", utc_now())
    if await in_thread(_is_datable, places):
        await ledger.keep_fact(BEGAN, utc_now())
        await ledger.forget_fact(SETTLED)


async def keep_if_settled(ledger: Ledger, places: Places) -> bool:
    """Tell whether all is settled, and keep when that was."""
    is_settled = not unsettled(await in_thread(read_report, places))
    if is_settled and await in_thread(_is_undated, places):
        await ledger.keep_fact(SETTLED, utc_now())
    return is_settled


def _is_datable(places: Places) -> bool:
    """Tell whether there is work, and it is known or now when the run began."""
    with LedgerView.open(places.ledger) as view:
        states, dates = view.states().values(), RunDates.of(view.facts())
        # A run of an older version has stamps, but does not tell since when.
        is_known = bool(dates.began) or not view.count_cutouts()
    has_work = any(one[State.PENDING] + one[State.LOCATED] for one in states)
    return has_work and is_known


def _is_undated(places: Places) -> bool:
    with LedgerView.open(places.ledger) as view:
        dates = RunDates.of(view.facts())
    return bool(dates.began) and not dates.settled


async def keep_bill(
    ledger: Ledger, places: Places, settings: Settings, archive: str, *, is_plan: bool
) -> None:
    """Keep the bill of an archive once, when all its targets are located.

    `status` shows it beside the real figures; a resume uses the kept one.

    Raises
    ------
    LocalError
        The disk has no room for what it says.
    """
    if await in_thread(_is_billed, places, archive):
        return
    bill = await in_thread(read_bill, places, allowance(settings))
    if not is_plan:
        disk = bill["disk"]
        check_room(places.out, stamps=disk["to_come"], frames=disk["frames"])
    surveys = bill["surveys"].items()
    if not any(one["unlocated"] for name, one in surveys if name.startswith(archive)):
        await ledger.keep_fact(f"bill {archive}", json.dumps(totals(bill, archive)))


def _is_billed(places: Places, archive: str) -> bool:
    with LedgerView.open(places.ledger) as view:
        return f"bill {archive}" in view.facts()

"""Takes failed jobs up again, in a harvest at work or while none is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InputError
from ...ledger.in_thread import in_thread
from ...ledger.view import LedgerView

if TYPE_CHECKING:
    from collections import Counter

    from ...ledger.ledger import Ledger
    from ...ledger.taken_up import RetryChoice
    from ...places import Places

__all__ = ["retry_jobs"]


async def retry_jobs(
    ledger: Ledger, places: Places, choice: RetryChoice
) -> Counter[str]:
    """Make the chosen jobs due again; count them by their archive.

    Raises
    ------
    InputError
        A survey or galaxy is unknown; or some jobs failed, but none that was chosen:
        probably a typing error. Nothing was changed.
    """
    failed = await in_thread(_reasons, places)
    count = await ledger.retry(choice)
    if failed and not count and not choice.better:
        msg = (
            f"no galaxy failed {_chosen(choice)}; nothing was changed. Reasons: "
            f"{', '.join(failed)}"
        )
        raise InputError(msg)
    return count


def _reasons(places: Places) -> list[str]:
    with LedgerView.open(places.ledger) as view:
        return sorted({reason for _, reason, _ in view.reasons()})


def _chosen(choice: RetryChoice) -> str:
    words = f"for a reason like {choice.reason!r}"
    if choice.surveys:
        words += f" in {', '.join(choice.surveys)}"
    if choice.ids:
        words += f" among {', '.join(choice.ids)}"
    return words

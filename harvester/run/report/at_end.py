"""Writes the report when a harvest ends, for the message to the webhook."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...errors import HarvesterError
from ...ledger.in_thread import in_thread

if TYPE_CHECKING:
    from ...places import Places

__all__ = ["report_at_end"]

_log = logging.getLogger(__name__)


async def report_at_end(places: Places) -> str:
    """Write the report of a run into its folder; give its path.

    The harvest is done without it: if it cannot be written, the log says why, and the
    path is empty.
    """
    try:
        return await in_thread(_write, places)
    except HarvesterError as error:
        _log.warning("the report is left out: %s", error)
    except Exception:  # noqa: BLE001 - a bug here must not end a harvest that is done
        _log.exception("the report is left out")
    return ""


def _write(places: Places) -> str:
    from ...status.report_page.document import write_report
    from .chosen_settings import chosen_settings

    write_report(places, places.report, chosen_settings(places))
    return str(places.report)

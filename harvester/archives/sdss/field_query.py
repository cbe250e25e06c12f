"""Fetches the table of all SDSS fields from SkyServer, one camera column a query."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OutageError, PermanentError, TransientError
from .fields import FIELD, FieldTable, sound
from .names import CAMCOLS, RERUN, observed
from .skyserver import MAYBE_OUTAGE, is_unreachable, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .skyserver import SkyServer

__all__ = ["ASKED", "FIELD_QUERIES", "FieldQuery", "to_rows"]

_log = logging.getLogger(__name__)

#: Requests for the table of all fields, one for each camera column. A column has
#: 156,341 fields; SkyServer returns at most 500,000 rows.
FIELD_QUERIES = len(CAMCOLS)

#: Columns of the table Frame that are fetched; rows with zoom 0 are the frames.
ASKED = ("run", "rerun", "camcol", "field", *"abcdef", "node", "incl")

#: Attempts to fetch the table while these fail like an outage but uploads succeed.
_TRIES = 3


class FieldQuery:
    """Fetches the table; keeps the parts that came until it is complete."""

    def __init__(self, skyserver: SkyServer) -> None:
        self._skyserver = skyserver
        self._parts: dict[int, NDArray[np.void]] = {}
        self._outages = 0
        #: False once the table has come or was refused: then it is not asked for again.
        self.may_ask = True

    async def ask(self) -> FieldTable:
        """Fetch the table, which may lack fields.

        Raises
        ------
        TransientError, PermanentError
            The table cannot be fetched now. Uploads may work all the same: an HTML
            page, a timeout or a refusal may concern this query only.
        """
        try:
            for camcol in CAMCOLS:
                if camcol not in self._parts:
                    self._parts[camcol] = await self._ask_camcol(camcol)
        except OutageError as error:
            self._outages += not is_unreachable(error)
            self.may_ask = self._outages < _TRIES
            raise
        except (TransientError, PermanentError):
            self.may_ask = False
            raise
        self.may_ask = False
        table = FieldTable(np.concatenate([self._parts[n] for n in CAMCOLS]))
        self._parts.clear()
        if not len(table) or not table.matches_landmarks():
            msg = "SkyServer's table of all fields does not have the known fields"
            raise TransientError("bad_answer", msg)
        return table

    async def _ask_camcol(self, camcol: int) -> NDArray[np.void]:
        query = f"SELECT {','.join(ASKED)} FROM Frame WHERE zoom=0 AND camcol={camcol}"  # noqa: S608 - a number of ours
        columns = await self._skyserver.select(query, ASKED, at_once=MAYBE_OUTAGE)
        return to_rows(columns)


def to_rows(columns: Mapping[str, Any]) -> NDArray[np.void]:
    """Give the rows with a valid field geometry; other rows are left out."""
    values = {name: numbers(column) for name, column in columns.items()}
    is_number = np.logical_and.reduce([np.isfinite(each) for each in values.values()])
    is_whole = np.logical_and.reduce(
        [
            np.equal(np.mod(values[name], 1), 0) & (np.abs(values[name]) < 2**15)
            for name in ("run", "camcol", "field")
        ]
    )
    good = is_number & is_whole & (values["rerun"] == RERUN)
    rows = np.empty(int(good.sum()), FIELD)
    for name in FIELD.names or ():
        rows[name] = values[name][good]
    kept: NDArray[np.void] = rows[observed(rows) & sound(rows)]
    return kept

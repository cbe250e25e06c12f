"""The table of all SDSS fields, asked of SkyServer a camera column at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OutageError, PermanentError, TransientError
from .fields import FIELD, FieldTable, sound
from .names import CAMCOLS, RERUN, observed
from .skyserver import NOT_NOW, is_unreachable, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .skyserver import SkyServer

__all__ = ["FIELD_QUERIES", "FieldQuery"]

_log = logging.getLogger(__name__)

#: Requests for the table of all fields, one for each camera column: it has 156,341,
#: and 500,000 rows is the most that SkyServer gives.
FIELD_QUERIES = len(CAMCOLS)

#: Columns of Frame that are asked for; zoom 0 is the frame itself.
_ASKED = ("run", "rerun", "camcol", "field", *"abcdef", "node", "incl")

#: How often the table is asked for where that meets what looks like an outage, while
#: uploads are answered.
_TRIES = 3


class FieldQuery:
    """Asks for the table; what came of it stays, until all of it is here."""

    def __init__(self, skyserver: SkyServer) -> None:
        self._skyserver = skyserver
        self._parts: dict[int, NDArray[np.void]] = {}
        self._outages = 0
        #: False: it has come or was refused, and is not asked for again.
        self.may_ask = True

    async def ask(self) -> FieldTable:
        """Give the table, which may lack fields.

        Raises
        ------
        TransientError, PermanentError
            It was not to be had. Whatever that looks like, uploads may be answered: a
            page, a long silence or a refusal may be the answer to this query only.
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
        if not len(table) or not table.agrees():
            msg = "what came is no table of the fields of SDSS"
            raise TransientError("bad_answer", msg)
        return table

    async def _ask_camcol(self, camcol: int) -> NDArray[np.void]:
        query = f"SELECT {','.join(_ASKED)} FROM Frame WHERE zoom=0 AND camcol={camcol}"  # noqa: S608 - a number of ours
        return _to_rows(await self._skyserver.select(query, _ASKED, at_once=NOT_NOW))


def _to_rows(columns: Mapping[str, Any]) -> NDArray[np.void]:
    """Give the rows that are the geometry of a field; others are left out."""
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

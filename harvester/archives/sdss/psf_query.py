"""Asks SkyServer for the fitted point spread functions of fields, many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...transport.call import Waits
from ..batches import chunks
from .names import Field, field_id
from .psf import COLUMNS
from .skyserver import numbers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from .skyserver import SkyServer

__all__ = ["FIELDS_A_QUERY", "ask_psf"]

#: Fields in one query. SkyServer reads 8,192 characters of an address; a field takes 22
#: of them, and the columns of five bands take 700.
FIELDS_A_QUERY = 250

_KEY = ("run", "camcol", "field")


async def ask_psf(
    skyserver: SkyServer, fields: Sequence[Field], bands: Sequence[str]
) -> AsyncIterator[Mapping[Field, Mapping[str, float]]]:
    """Give the columns that `psf.PsfFit.of` reads, query by query.

    Fields that SkyServer does not know are left out. The end of an outage is not
    waited for: stamps are made without it.

    Raises
    ------
    TransientError, PermanentError
        There is no answer for the fields that were not given so far.
    """
    columns = (*_KEY, *(f"{name}_{band}" for band in bands for name in COLUMNS))
    for some in chunks(fields, FIELDS_A_QUERY):
        ids = ",".join(str(field_id(field)) for field in some)
        query = f"SELECT {','.join(columns)} FROM Field WHERE fieldID IN ({ids})"  # noqa: S608 - numbers of ours
        rows = await skyserver.select(query, columns, waits=Waits.WHILE_UP)
        values = np.stack([numbers(rows[name]) for name in columns], axis=1)
        yield {
            Field(*map(int, row[: len(_KEY)])): dict(
                zip(columns[len(_KEY) :], row[len(_KEY) :], strict=True)
            )
            for row in values.tolist()
            if np.isfinite(row[: len(_KEY)]).all()
        }

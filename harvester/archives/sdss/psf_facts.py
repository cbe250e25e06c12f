"""What SkyServer tells of the PSF of frames, for the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...errors import PermanentError, TransientError
from ...events import counted
from .names import field_of
from .psf import COLUMNS
from .psf_query import ask_psf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...models import Product
    from .names import Field
    from .skyserver import SkyServer

__all__ = ["PsfFacts"]

#: Fields that are remembered. Targets come in the order of the sky, so that only the
#: fields of the last batches are met again.
_MOST = 20_000


class PsfFacts:
    """Tells of frames what SkyServer knows of the PSF of their field."""

    def __init__(self, skyserver: SkyServer, say: Callable[[str], None]) -> None:
        self._skyserver = skyserver
        self._say = say
        #: The answer for each field; empty if SkyServer does not know the field.
        self._known: dict[Field, Mapping[str, float]] = {}
        self._may_ask = True
        #: Whether the last query had no answer.
        self._has_failed = False

    async def of(
        self, bands: Sequence[str], products: Sequence[Product]
    ) -> dict[str, str]:
        """Give the columns of `psf.PsfFit` for each frame, as JSON by its name.

        Empty JSON if SkyServer does not know the field. If SkyServer cannot answer,
        this is said, and the frames are left out.

        Parameters
        ----------
        bands
            Bands of the survey; always the same ones.
        """
        places = {product: field_of(product.name) for product in products}
        fields = dict.fromkeys(filter(None, places.values()))
        await self._ask([f for f in fields if f not in self._known], bands)
        return {
            product.name: _facts(self._known[field], product.band)
            for product, field in places.items()
            if field in self._known
        }

    async def _ask(self, fields: Sequence[Field], bands: Sequence[str]) -> None:
        if not (fields and self._may_ask):
            return
        if len(self._known) > _MOST:
            self._known.clear()
        try:
            async for rows in ask_psf(self._skyserver, fields, bands):
                self._known.update(rows)
            # Fields that SkyServer does not know are not asked for again.
            self._known.update({f: {} for f in fields if f not in self._known})
            self._has_failed = False
        except (TransientError, PermanentError) as error:
            # A query that is refused would be refused again.
            self._may_ask = isinstance(error, TransientError)
            self._tell(error, sum(field not in self._known for field in fields))

    def _tell(self, error: TransientError | PermanentError, missing: int) -> None:
        if not self._has_failed:
            self._say(
                f"the PSF of {counted(missing, 'field')} is not known: {error}. Stamps "
                "that are cut before SkyServer answers have no PSF"
            )
        self._has_failed = True


def _facts(row: Mapping[str, float], band: str) -> str:
    return json.dumps({name: row[f"{name}_{band}"] for name in COLUMNS} if row else {})

"""What SkyServer tells of the PSF of the frames that were found, for the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import PermanentError, TransientError
from ...events import counted
from .names import Field, field_of
from .psf import COLUMNS
from .psf_query import ask_psf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...models import Finding, Product
    from .skyserver import SkyServer

__all__ = ["PsfFacts"]

#: Fields that are remembered: targets come in the order of the sky, so that only the
#: fields of the last batches are met again.
_MOST = 20_000


class PsfFacts:
    """Adds to products what is known of the PSF of their field."""

    def __init__(self, skyserver: SkyServer, say: Callable[[str], None]) -> None:
        self._skyserver = skyserver
        self._say = say
        #: The answer for each field; empty if SkyServer does not know the field.
        self._known: dict[Field, Mapping[str, float]] = {}
        self._may_ask = True

    async def added(
        self, bands: Sequence[str], findings: Sequence[Finding]
    ) -> list[Finding]:
        """Give the findings, with what is known of the PSF in each product.

        If SkyServer cannot answer, this is said, and the products stay as they are.
        """
        products = [
            product
            for finding in findings
            for choices in finding.choices.values()
            for product in choices
        ]
        fields = dict.fromkeys(filter(None, map(_field_of, products)))
        await self._ask([f for f in fields if f not in self._known], bands)
        return [self._with_facts(finding) for finding in findings]

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
        except (TransientError, PermanentError) as error:
            # A query that is refused would be refused again.
            self._may_ask = isinstance(error, TransientError)
            missing = sum(field not in self._known for field in fields)
            self._say(
                f"the PSF of {counted(missing, 'field')} is not known: {error}. Their "
                "stamps are made without it"
            )

    def _with_facts(self, finding: Finding) -> Finding:
        choices = {
            band: list(self._described(products))
            for band, products in finding.choices.items()
        }
        return replace(finding, choices=choices)

    def _described(self, products: Iterable[Product]) -> Iterable[Product]:
        for product in products:
            field = _field_of(product)
            row = self._known.get(field, {}) if field else {}
            own = {name: row.get(f"{name}_{product.band}") for name in COLUMNS}
            yield replace(product, facts=json.dumps(own) if row else "")


def _field_of(product: Product) -> Field | None:
    return field_of(product.name)

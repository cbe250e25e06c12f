"""Which frames jobs still wait for, whether they are due or postponed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..models import Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import aiosqlite

    from ..models import Product

__all__ = ["read_waited_for"]


async def read_waited_for(
    db: aiosqlite.Connection, surveys: Mapping[str, int], products: Iterable[Product]
) -> set[tuple[str, str]]:
    """Give archive and name of those products that a stamp is still wanted of.

    It is the file that counts: another survey or band may want it than the one that
    these products were found for.
    """
    names: dict[str, list[str]] = {}
    for product in products:
        names.setdefault(product.archive, []).append(product.name)
    found: set[tuple[str, str]] = set()
    for archive, some in names.items():
        numbers = [n for s, n in surveys.items() if Survey.parse(s).archive == archive]
        rows = await db.execute_fetchall(
            """
            SELECT p.name
            FROM json_each(?) AS s
            CROSS JOIN json_each(?) AS f
            CROSS JOIN product AS p ON p.survey = s.value AND p.name = f.value
            WHERE EXISTS (
                SELECT 1
                FROM cutout AS c
                JOIN job AS j ON j.survey = c.survey AND j.target = c.target
                WHERE c.survey = p.survey AND c.product = p.number
                    AND c.state = 'wanted' AND j.state = 'located'
            )
            """,
            (json.dumps(numbers), json.dumps(some)),
        )
        found.update((archive, row[0]) for row in rows)
    return found

"""By which way a target of SDSS is looked up: by its identifier or by its position."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .names import decode
from .outliers import strays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...models import Ask, Target
    from .names import Field

__all__ = ["Ways", "sorted_by_way"]


class Ways(NamedTuple):
    """Targets by how they are looked up."""

    #: Their identifiers name their fields.
    decoded: list[tuple[Target, Field]]
    #: By position: in the table of all fields, or by CrossID.
    unknown: list[Target]
    #: By CrossID.
    again: list[Target]
    #: How many of the unknown have identifiers that cannot be right.
    strays: int = 0


def sorted_by_way(asks: Sequence[Ask]) -> Ways:
    """Sort targets by how they are looked up; identifiers that lie do not count."""
    ways = Ways([], [], [])
    for ask in asks:
        field = decode(ask.target.id)
        if ask.by_position:
            # Without an identifier it was its position that led nowhere: then
            # CrossID is a second opinion.
            (ways.unknown if field else ways.again).append(ask.target)
        elif field is None:
            ways.unknown.append(ask.target)
        else:
            ways.decoded.append((ask.target, field))
    return _without_strays(ways)


def _without_strays(ways: Ways) -> Ways:
    """Look those up by position whose identifiers cannot be right."""
    if not ways.decoded:
        return ways
    targets, fields = zip(*ways.decoded, strict=True)
    ra = np.array([target.ra for target in targets])
    dec = np.array([target.dec for target in targets])
    is_stray = strays(fields, ra, dec).tolist()
    right = [not stray for stray in is_stray]
    return ways._replace(
        decoded=list(compress(ways.decoded, right)),
        unknown=[*ways.unknown, *compress(targets, is_stray)],
        strays=sum(is_stray),
    )

"""Decides how a target of SDSS is located: by its identifier or by its position."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .names import decode
from .outliers import find_outliers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...models import Ask, Target
    from .names import Field

__all__ = ["Routes", "sort_by_route"]


class Routes(NamedTuple):
    """Targets, sorted by how they are located."""

    #: Targets with the fields that their identifiers name.
    decoded: list[tuple[Target, Field]]
    #: Targets to look up in the table of all fields, or by CrossID.
    by_position: list[Target]
    #: Targets to look up by CrossID only.
    by_crossid: list[Target]
    #: How many targets at the end of ``by_position`` have a wrong identifier.
    outliers: int = 0


def sort_by_route(asks: Sequence[Ask]) -> Routes:
    """Sort targets by how they are located; wrong identifiers are not used."""
    routes = Routes([], [], [])
    for ask in asks:
        field = decode(ask.target.id)
        if ask.by_position:
            # Without an identifier the first attempt used the position already.
            # CrossID then gives an independent answer.
            (routes.by_position if field else routes.by_crossid).append(ask.target)
        elif field is None:
            routes.by_position.append(ask.target)
        else:
            routes.decoded.append((ask.target, field))
    return _without_outliers(routes)


def _without_outliers(routes: Routes) -> Routes:
    """Move targets with a wrong identifier to those looked up by position."""
    if not routes.decoded:
        return routes
    targets, fields = zip(*routes.decoded, strict=True)
    ra = np.array([target.ra for target in targets])
    dec = np.array([target.dec for target in targets])
    is_outlier = find_outliers(fields, ra, dec).tolist()
    is_right = [not one for one in is_outlier]
    return routes._replace(
        decoded=list(compress(routes.decoded, is_right)),
        by_position=[*routes.by_position, *compress(targets, is_outlier)],
        outliers=sum(is_outlier),
    )

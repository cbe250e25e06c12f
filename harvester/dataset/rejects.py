"""The file of the rejected rows of the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .stamps import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..places import Places

__all__ = ["write_rejects"]


def write_rejects(places: Places, rejects: Iterable[tuple[int, str, str]]) -> None:
    """Write line, identifier and reason of the rows that were not taken.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    rows = [
        json.dumps(dict(zip(("line", "id", "reason"), one, strict=True)))
        for one in rejects
    ]
    with atomic_write(places.rejects) as new:
        new.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")

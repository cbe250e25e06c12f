"""The bills of all parts of a run together, as one bill for each archive.

A run that was located before it was split has its own bill, which holds.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from .part_mark import BILL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_up_bills"]


def add_up_bills(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Give the facts of the bills, for archives of which all parts have one.

    Parameters
    ----------
    parts
        The facts of each part.
    """
    keys = [key for key in parts[0] if key.startswith(BILL)]
    return {
        key: _added([json.loads(facts[key]) for facts in parts])
        for key in keys
        if all(key in facts for facts in parts)
    }


def _added(bills: Sequence[Mapping[str, Mapping[str, float]]]) -> str:
    sums: dict[str, Counter[str]] = {}
    for bill in bills:
        for what, counts in bill.items():
            found = sums.setdefault(what, Counter())
            for name, count in counts.items():
                found[name] += count  # type: ignore[assignment] # bytes may be floats
    return json.dumps(sums)

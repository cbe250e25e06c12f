"""What the ledger of a part tells of the split: which part it is, and of which whole.

A split run is harvested in parts, each of which is a run of its own, and the parts are
merged into one run. Every part keeps what the merge needs, so that parts may be moved
to other machines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from .hosts import HOST, TROUBLES
from .run_dates import SETTLED
from .runner import RUNNER

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BILL", "MERGED", "PART", "WORKED", "PartMark", "lasting_facts"]

#: Keys of ``run``: in a part its `PartMark`; in a merged run what it was merged of.
PART, MERGED = "part", "merged"

#: Begins the keys that say which versions of the harvester have worked on a run.
WORKED = "worked harvester "

#: Begins the keys of the bills, which are those of a whole run.
BILL = "bill "

#: Facts of a harvest at work, or of one run only, or that each run makes itself.
_PASSING = frozenset({RUNNER, TROUBLES, SETTLED, PART, MERGED})


@dataclass(frozen=True, slots=True)
class PartMark:
    """Says which part of which split a ledger is."""

    #: Names the split: a hash of its source and options.
    split: str
    #: From 0, and how many there are.
    number: int
    parts: int
    #: How many galaxies it has, and a hash of their numbers.
    targets: int
    targets_sha256: str
    #: Of the run that was split, until then: see `parting.known_before`; and the text
    #: of its settings file as ``settings``.
    before: Mapping[str, Any]

    def to_json(self) -> str:
        """Write it in one line."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Self | None:
        """Read it from the facts of a run; None: the run is no part."""
        return cls(**json.loads(facts[PART])) if PART in facts else None


def lasting_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """Give those facts of a run that hold for its parts, or for parts that are merged.

    Left out are the bills and versions, what passes with a harvest, and when the run
    was settled.
    """
    return {
        key: value
        for key, value in facts.items()
        if key not in _PASSING and not key.startswith((HOST, BILL, WORKED))
    }

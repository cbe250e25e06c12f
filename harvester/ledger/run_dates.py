"""When a run began to harvest, and when it was settled, as the ledger keeps it.

These are no part of the manifest: two runs that make the same stamps have the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BEGAN", "SETTLED", "RunDates", "utc_now"]

#: Keys among the facts of a run.
BEGAN, SETTLED = "began", "settled"


@dataclass(frozen=True, slots=True)
class RunDates:
    """Times in UTC, ISO 8601 to the second; None: not known, as of older runs."""

    #: When stamps were first asked for.
    began: str | None = None
    #: When the last job was settled; None too while jobs are left.
    settled: str | None = None

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> RunDates:
        """Give those among the facts of a run."""
        return cls(facts.get(BEGAN), facts.get(SETTLED))


def utc_now() -> str:
    """Give the time now, as `RunDates` has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

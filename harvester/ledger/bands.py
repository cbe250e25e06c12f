"""How far each band of each survey has come.

A job is one target in all bands of a survey. Triggers count, for each band, the targets
that have a stamp in it by the state of their job; what the others are follows from the
states of the jobs, as in the manifest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..models import Survey

__all__ = ["BAND", "COUNT_BANDS", "BandCounts", "band_name", "count_bands"]

#: Begins the names of the counters ``band STATE BAND``.
BAND = "band"

#: The same counters, for ledgers of versions that did not keep them.
COUNT_BANDS = f"""
    SELECT c.survey, '{BAND} ' || j.state || ' ' || c.band, count(DISTINCT c.target)
    FROM cutout AS c
    JOIN job AS j ON j.survey = c.survey AND j.target = c.target
    WHERE c.state = 'done'
    GROUP BY c.survey, j.state, c.band
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class BandCounts:
    """The targets of one band, each in one state; together they are all targets."""

    #: Number of the survey in the ledger.
    survey: int
    archive: str
    band: str
    #: As ``--survey`` spells it: ``sdss:r``, ``hst:WFC3/IR:F160W``.
    name: str
    #: With a stamp in this band.
    done: int
    #: The archive has no image of them in this band.
    no_coverage: int
    #: Without a stamp in this band, and the job was given up.
    failed: int
    #: Their images are known, or not yet; there is no stamp in this band.
    located: int
    pending: int

    @property
    def open(self) -> int:
        """Targets that are still to be worked on."""
        return self.located + self.pending

    @property
    def total(self) -> int:
        """All targets."""
        return self.done + self.no_coverage + self.failed + self.open


def count_bands(
    surveys: Mapping[int, Survey], tallies: Mapping[int, Counter[str]]
) -> list[BandCounts]:
    """Give the counts of each band of each survey, from the counters."""
    return list(_counted(surveys, tallies))


def _counted(
    surveys: Mapping[int, Survey], tallies: Mapping[int, Counter[str]]
) -> Iterator[BandCounts]:
    for number, survey in surveys.items():
        tally = tallies.get(number, Counter())
        for band in survey.bands:
            stamps = {state: tally[f"{BAND} {state} {band}"] for state in State}
            rest = {state: tally[state] - stamps[state] for state in State}
            yield BandCounts(
                number,
                survey.archive,
                band,
                band_name(survey, band),
                done=sum(stamps.values()),
                # A job of several bands is done when every band that is covered is.
                no_coverage=rest[State.NO_COVERAGE] + rest[State.DONE],
                failed=rest[State.FAILED],
                located=rest[State.LOCATED],
                pending=rest[State.PENDING],
            )


def band_name(survey: Survey, band: str) -> str:
    """Name one band of a survey as ``--survey`` spells it."""
    return str(replace(survey, bands=(band,)))

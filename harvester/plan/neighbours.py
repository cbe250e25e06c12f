"""Estimates what the frames cost that complete stamps over the edges of others.

How many there are depends on where the galaxies are in their frames, which is known
only when a frame is here. So this is a mean over galaxies anywhere, and no neighbour is
assumed to be fetched for galaxies of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..archives.registry import kind_of
from .traffic import Load, SampleSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .bill import Allowance, Counts

__all__ = ["count_neighbours", "neighbour_loads"]


def count_neighbours(number: int, counts: Counts, allowance: Allowance) -> float:
    """Estimate how many neighbours the frames to come of a survey need."""
    survey = counts.surveys[number]
    spec, costs = allowance.specs[survey.archive], kind_of(survey.archive).costs
    if not spec.complete:
        return 0.0
    side = spec.size.pixels(costs.pixel_arcsec(survey.instrument))
    return sum(
        (group.frames - group.missing) * costs.neighbours(side, group.stamps)
        for group in counts.to_come
        if group.survey == number
    )


def neighbour_loads(
    counts: Counts, allowance: Allowance
) -> Iterator[tuple[str, str, Load]]:
    """Yield archive, service and load of fetching them, as if each came whole."""
    for number, survey in counts.surveys.items():
        if frames := count_neighbours(number, counts, allowance):
            costs = kind_of(survey.archive).costs
            seen = counts.samples.get(survey.archive, SampleSummary()).size
            size = frames * (seen or costs.typical_bytes)
            source = "sampled" if seen else "typical"
            load = Load(frames, frames, size, source)
            yield survey.archive, costs.file_service, load

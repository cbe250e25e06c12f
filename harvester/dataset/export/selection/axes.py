"""The bands of all surveys of a run: the axes of an exported data set."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ....errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["Axis", "axes_of", "by_survey", "chosen_axes"]


class Axis(NamedTuple):
    """One band of one survey."""

    survey: str
    band: str

    @property
    def name(self) -> str:
        """The prefix of its columns: survey and band."""
        return f"{self.survey}_{self.band}"


def axes_of(manifest: pa.Table) -> list[Axis]:
    """Give the bands in the order of the manifest: each target has a row for each."""
    pairs = manifest.select(["survey", "band"])
    # Without threads the groups keep the order of their first rows.
    found = pairs.group_by(["survey", "band"], use_threads=False).aggregate([])
    return [Axis(row["survey"], row["band"]) for row in found.to_pylist()]


def chosen_axes(known: Sequence[Axis], names: Sequence[str]) -> list[Axis]:
    """Give the bands that the user named, or all, in the order of the run.

    A name is a band, a survey, or ``survey:band``.

    Raises
    ------
    InputError
        A name fits no band, or bands of two surveys.
    """
    chosen = {axis for name in names for axis in _named(known, name)}
    return [axis for axis in known if axis in chosen or not names]


def _named(known: Sequence[Axis], name: str) -> list[Axis]:
    words = name.strip().lower()
    full = [a for a in known if words in {f"{a.survey}:{a.band}".lower(), a.survey}]
    found = full or [a for a in known if words == a.band.lower()]
    spellings = ", ".join(f"{axis.survey}:{axis.band}" for axis in known)
    if not found:
        msg = f"--bands {name}: the run has no such band, only {spellings}."
        raise InputError(msg)
    if not full and len(found) > 1:
        msg = f"--bands {name} is a band of several surveys: write one of {spellings}."
        raise InputError(msg)
    return found


def by_survey(axes: Sequence[Axis]) -> dict[str, tuple[Axis, ...]]:
    """Group bands by survey."""
    groups = groupby(axes, key=lambda axis: axis.survey)
    surveys: dict[str, tuple[Axis, ...]] = {}
    for survey, some in groups:
        surveys[survey] = (*surveys.get(survey, ()), *some)
    return surveys

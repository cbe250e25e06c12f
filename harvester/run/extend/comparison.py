"""Compares the galaxies of a catalogue with those of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...events import counted
from ...sky.duplicates import SAME_ARCSEC, have_twins
from ...sky.sphere import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...ledger.incoming import IncomingTargets

__all__ = ["SHOWN", "Comparison", "compare_targets"]

#: Galaxies that a message names.
SHOWN = 5

#: Arcsec; a position that differs by less is the same: another format of the file
#: rounds it in another way.
_SAME_PLACE_ARCSEC = 0.01

#: The number, in the run, of a galaxy that the run does not have.
_NEW = -1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which galaxies of a catalogue a run has, and how they differ."""

    #: For each galaxy of the catalogue its number in the run; -1: it is new.
    known: NDArray[np.int64]
    #: Some identifiers of the new ones.
    new_ids: list[str]
    #: Those that are elsewhere than in the run: how many, the largest distance in
    #: arcsec, and some identifiers.
    moved: int
    moved_arcsec: float
    moved_ids: list[str]
    #: Numbers, in the run, of those that the catalogue lacks, and some identifiers.
    removed: NDArray[np.int64]
    removed_ids: list[str]
    #: New ones at the position of a galaxy of the run: how many, and some identifiers.
    near: int
    near_ids: list[str]

    @property
    def fresh(self) -> NDArray[np.int64]:
        """Numbers, in the catalogue, of the new galaxies."""
        return np.flatnonzero(self.known == _NEW)

    @property
    def is_about_others(self) -> bool:
        """Whether most new ones are at positions of the run, with other identifiers."""
        return 2 * self.near > len(self.fresh)


def compare_targets(incoming: IncomingTargets) -> Comparison:
    """Find out which galaxies of a catalogue are new, and which are changed or gone.

    Galaxies are the same if their identifiers are. Of those that share an identifier,
    the positions decide.

    Raises
    ------
    InputError
        It cannot be told which of several rows with one identifier a galaxy is.
    """
    places, before = incoming.places(), incoming.places_before()
    pairs = incoming.pairs()
    apart = _apart_arcsec(pairs)
    known = np.full(len(places), _NEW)
    same = pairs[apart <= _SAME_PLACE_ARCSEC]
    known[same["incoming"]] = same["number"]
    rest = _unmatched(pairs, apart, known)
    _refuse_repeats(incoming, rest[0])
    known[rest[0]["incoming"]] = rest[0]["number"]
    removed = before["number"][~np.isin(before["number"], known)]
    fresh = np.flatnonzero(known == _NEW)
    near = fresh[_are_near(places[fresh], before)]
    return Comparison(
        known,
        incoming.ids(fresh[:SHOWN].tolist()),
        len(rest[0]),
        float(rest[1].max(initial=0.0)),
        incoming.ids(np.sort(rest[0]["incoming"])[:SHOWN].tolist()),
        removed,
        incoming.ids_before(removed[:SHOWN].tolist()),
        len(near),
        incoming.ids(near[:SHOWN].tolist()),
    )


def _apart_arcsec(pairs: NDArray[np.void]) -> NDArray[np.float64]:
    one = unit_vectors(pairs["ra"], pairs["dec"])
    other = unit_vectors(pairs["ra_before"], pairs["dec_before"])
    chord = np.linalg.norm(one - other, axis=-1)
    found: NDArray[np.float64] = 3600 * np.degrees(2 * np.arcsin(chord / 2))
    return found


def _unmatched(
    pairs: NDArray[np.void], apart: NDArray[np.float64], known: NDArray[np.int64]
) -> tuple[NDArray[np.void], NDArray[np.float64]]:
    """Give the pairs of which neither galaxy has a partner, and their distances."""
    is_left = (known[pairs["incoming"]] == _NEW) & ~np.isin(pairs["number"], known)
    return pairs[is_left], apart[is_left]


def _refuse_repeats(incoming: IncomingTargets, pairs: NDArray[np.void]) -> None:
    for name in ("incoming", "number"):
        values, counts = np.unique(pairs[name], return_counts=True)
        if not (counts > 1).any():
            continue
        twice = values[counts > 1][:SHOWN].tolist()
        find = incoming.ids if name == "incoming" else incoming.ids_before
        ids = ", ".join(dict.fromkeys(find(twice)))
        msg = (
            f"several galaxies have the identifier {ids}, and none of them is where "
            "the run has it: it cannot be told which of them has moved. Give them "
            "identifiers of their own, or leave these rows out"
        )
        raise InputError(msg)


def _are_near(fresh: NDArray[np.void], before: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell which new galaxies are at the position of one of the run."""
    both = [np.concatenate((fresh[name], before[name])) for name in ("ra", "dec")]
    with_run = have_twins(both[0], both[1])[: len(fresh)]
    found: NDArray[np.bool_] = with_run & ~have_twins(fresh["ra"], fresh["dec"])
    return found


def near_words(found: Comparison) -> str:
    """Say that new galaxies are at positions of the run."""
    new = counted(found.near, "new identifier is", "new identifiers are")
    return (
        f"{new} within {SAME_ARCSEC:g} arcsec of a galaxy of the run that has another "
        f"identifier: {', '.join(found.near_ids)}"
    )

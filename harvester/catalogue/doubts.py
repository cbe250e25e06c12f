"""Checks that find implausible positions, and their errors and questions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..sky.sphere import unit_vectors
from .understanding import read_as

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .agreement import Agreement
    from .meaning import Meaning
    from .positions import Positions
    from .source import Source

__all__ = [
    "all_rejected",
    "contradicted",
    "questions",
    "refuse_one_point",
    "refuse_unreadable",
]

#: With fewer rows, all values may be small by chance.
_FEWEST = 3
#: Degrees of declination; a single small field spans less.
_WIDE = 5.0
#: Hours of right ascension in a full circle.
_DAY = 24.0
#: Number of rows that an error shows.
_EXAMPLES = 3
#: Matches the problem of a row whose position is missing, not wrong.
_GAP = re.compile(r"^no \w+$|stands for no value$")
#: Radian (0.5 arcsec); positions closer than this count as the same.
_SAME = float(np.radians(0.5 / 3600))


def questions(
    source: Source, meaning: Meaning | None, positions: Positions
) -> Iterable[str]:
    """Yield a question for the user if numbers without a unit may not be degrees."""
    if meaning is None or meaning.ra_unit or not meaning.frame.is_icrs:
        return
    columns = source.columns
    if columns is None or columns.split or not source.are_numbers(columns.ra):
        return
    sound = ~np.isnan(positions.ra)
    ra, dec = positions.ra[sound], positions.dec[sound]
    if len(ra) >= _FEWEST:
        yield from _questions(ra, dec)


def _questions(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Iterable[str]:
    if ra.max() <= 2 * np.pi and np.abs(dec).max() <= np.pi / 2:
        if np.ptp(ra) > 1:
            yield (
                "Every RA is below 2 pi and every Dec below pi/2: are they radians? "
                "They were read as degrees; if they are radians, give --unit rad."
            )
    elif ra.max() < _DAY and np.ptp(dec) > _WIDE:
        yield (
            "Every RA is below 24: are they hours? They were read as degrees; if "
            "they are hours, give --unit hour."
        )


def all_rejected(
    source: Source, meaning: Meaning | None, why: dict[str, int], example: str
) -> InputError:
    """Return the error for a catalogue without a usable row.

    Parameters
    ----------
    why
        Reasons, and how many rows each.
    example
        The reason of one row, in full.
    """
    listed = "; ".join(f"{reason} ({rows} rows)" for reason, rows in why.items())
    if meaning is None:
        archive = source.listed.scheme.title if source.listed else "the archive"
        msg = f"{archive} knows the position of none of its rows: {listed}"
        return InputError(msg)
    msg = (
        f"none of its rows can be used: {listed}; for example {example}. Positions "
        f"were read from {read_as(source, meaning)}. Choose other columns with --ra "
        "and --dec, or state their unit and frame with --unit and --frame"
    )
    return InputError(f"{msg}{_swapped(why)}")


def _swapped(problems: Iterable[str]) -> str:
    is_beyond = any("beyond the poles" in each for each in problems)
    return ". Are RA and Dec swapped?" if is_beyond else ""


def refuse_unreadable(source: Source, meaning: Meaning, positions: Positions) -> None:
    """Refuse the catalogue if most positions are invalid: the rest is then doubtful.

    Raises
    ------
    InputError
        More than half of the positions are invalid; missing ones do not count.
    """
    wrong = {
        row: problem
        for row, problem in positions.problems.items()
        if not _GAP.search(problem)
    }
    filled = len(positions.ra) - len(positions.problems) + len(wrong)
    if 2 * len(wrong) <= filled:
        return
    shown = "; ".join(
        f"{problem} (line {source.sheet.lines[row]})"
        for row, problem in list(wrong.items())[:_EXAMPLES]
    )
    msg = (
        f"{len(wrong)} of {filled} positions cannot be used: {shown}. Positions were "
        f"read from {read_as(source, meaning)}. Choose other columns with --ra and "
        "--dec, state their unit and frame with --unit and --frame, or write them as "
        "degrees"
        f"{_swapped(wrong.values())}"
    )
    raise InputError(msg)


def contradicted(
    found: Agreement, remedy: str, source: Source, meaning: Meaning
) -> InputError:
    """Return the error for a column in which most identifiers contradict positions."""
    hint = (
        f"They would agree with {remedy}: give that"
        if remedy
        else "Choose other columns with --ra, --dec and --id, or state the unit and "
        "the frame of the positions with --unit and --frame"
    )
    msg = f"only {found}. Positions were read from {read_as(source, meaning)}. {hint}"
    return InputError(msg)


def refuse_one_point(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> None:
    """Refuse three or more galaxies that all have the same position.

    Raises
    ------
    InputError
        All of them are within 0.5 arcsec of the first.
    """
    if len(ra) < _FEWEST:
        return
    vectors = unit_vectors(ra, dec)
    if np.linalg.norm(vectors - vectors[0], axis=1).max() <= _SAME:
        msg = (
            f"all {len(ra)} galaxies have the same position, RA {ra[0]:.6f} and Dec "
            f"{dec[0]:.6f} degrees. Choose other columns with --ra and --dec"
        )
        raise InputError(msg)

"""The identifier scheme of an archive: how the catalogue recognises its identifiers.

The modules of the catalogue do not know any archive. They get a scheme for each archive
that has one, and ask it about columns of integers. Without a scheme an identifier is
only a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["IdentifierScheme", "PlaceTest"]


@dataclass(frozen=True, slots=True)
class PlaceTest:
    """A comparison of positions with the positions that identifiers imply."""

    #: Indices of the identifiers that imply a position, shape ``(m,)``.
    comparable: NDArray[np.int64]
    #: A function of the right ascensions and declinations of these identifiers, ICRS
    #: degrees, shape ``(m,)`` each. It returns a mask, shape ``(m,)``, of the positions
    #: that agree. Positions that are NaN or beyond the poles do not agree.
    agrees: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
    #: The fewest comparisons that are enough to refuse the positions if most disagree.
    fewest: int


class IdentifierScheme(Protocol):
    """The identifiers of one archive: integers of at most 19 digits."""

    @property
    def name(self) -> str:
        """The name of the archive in surveys, before the colon."""

    @property
    def title(self) -> str:
        """The name of the archive in messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Usual names of columns with such identifiers, the best first.

        The names are in lower case, letters and digits only.
        """

    @property
    def can_look_up(self) -> bool:
        """Whether the archive can be asked for the positions of its identifiers."""

    def is_look_alike(self, column: str) -> bool:
        """Return whether the name means other numbers that look like identifiers.

        Parameters
        ----------
        column
            The name of a column, in lower case, letters and digits only.
        """

    def are_identifiers(self, numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return a mask of the numbers, shape ``(n,)``, that can be identifiers.

        For arbitrary numbers it must be true for far less than one in twenty.
        """

    def place_test(
        self,
        numbers: NDArray[np.uint64],
        ra: NDArray[np.float64],
        dec: NDArray[np.float64],
    ) -> PlaceTest | None:
        """Return a test of positions; None if the identifiers imply no positions.

        Parameters
        ----------
        numbers
            Identifiers, shape ``(n,)``.
        ra, dec
            The positions in the same rows, as they were read: ICRS degrees, shape
            ``(n,)``, none of them NaN.
        """

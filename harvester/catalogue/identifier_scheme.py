"""What the identifiers of one archive tell about a catalogue, as far as reading needs.

The catalogue knows no archive. It is handed a scheme for each archive that has one,
and asks it about columns of whole numbers. Without a scheme every identifier is just a
name.
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
    """Where identifiers say that their galaxies are, as a test of positions."""

    #: Indices of the identifiers that say where their galaxies are, shape ``(m,)``.
    comparable: NDArray[np.int64]
    #: Takes right ascensions and declinations of these, ICRS degrees, shape ``(m,)``
    #: each; tells which agree with their identifiers, shape ``(m,)``. The positions
    #: may be wrong altogether, NaN or beyond the poles: such ones do not agree.
    agrees: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
    #: If most disagree, so many comparisons are enough to refuse the positions.
    fewest: int


class IdentifierScheme(Protocol):
    """The identifiers of one archive: whole numbers of at most 19 digits."""

    @property
    def name(self) -> str:
        """The archive, as in surveys: what stands before their first colon."""

    @property
    def title(self) -> str:
        """The archive, as people write it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Usual names of columns with such identifiers, the best first.

        In lower case, letters and digits only.
        """

    @property
    def can_look_up(self) -> bool:
        """Whether the archive can be asked for the positions of its identifiers."""

    def is_look_alike(self, column: str) -> bool:
        """Tell whether a column of this name holds other numbers with the same bits.

        Parameters
        ----------
        column
            In lower case, letters and digits only.
        """

    def are_identifiers(self, numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell which numbers, shape ``(n,)``, have the bits of an identifier.

        Of arbitrary numbers far less than one in twenty may pass.
        """

    def place_test(
        self,
        numbers: NDArray[np.uint64],
        ra: NDArray[np.float64],
        dec: NDArray[np.float64],
    ) -> PlaceTest | None:
        """Make a test of positions; None if identifiers do not say where galaxies are.

        Parameters
        ----------
        numbers
            Identifiers, shape ``(n,)``.
        ra, dec
            The positions beside them, as they were read: ICRS degrees, shape ``(n,)``,
            none of them NaN.
        """

"""Chooses how much of a compressed frame is fetched, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yarl import URL

from ..archives.kind import Fetch, Way
from ..archives.registry import kind_of
from .prefix import has_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..models import Plane, Product

    Counted = Callable[[Product, str], None]

__all__ = ["Ways"]


def _ignore(_product: Product, _what: str) -> None:
    """Do not count."""


class Ways:
    """Chooses the way of each frame, and counts how frames came.

    Parameters
    ----------
    chosen
        What the user has set, by the name of the archive.
    counted
        Called for each frame with ``way ranges`` and the like, and with ``doubt`` and
        the reason if its rows were not proved.
    """

    def __init__(
        self, chosen: Mapping[str, Way] | None = None, *, counted: Counted = _ignore
    ) -> None:
        self._chosen = chosen or {}
        self._counted = counted
        #: Hosts that gave no ranges when they were asked for one.
        self._without_ranges: set[str | None] = set()

    def choose(self, product: Product, galaxies: int, planes: Collection[Plane]) -> Way:
        """Choose the way of a frame, of which some galaxies are wanted."""
        kind = kind_of(product.archive)
        if kind.fetch is not Fetch.BEGINNING or not product.name.endswith(".fits.bz2"):
            return Way.WHOLE
        way = self._chosen.get(product.archive, Way.AUTO)
        if way in {Way.EARLY, Way.WHOLE}:
            return way
        has_blocks = kind.blocks is not None and not self._is_without_ranges(product)
        if way is Way.AUTO or not has_blocks:
            return self.without_blocks(product, galaxies, planes)
        return way

    def without_blocks(
        self, product: Product, galaxies: int, planes: Collection[Plane]
    ) -> Way:
        """Choose among the ways that need no ranges."""
        return Way.EARLY if has_prefix(product, galaxies, planes) else Way.WHOLE

    def note_no_ranges(self, product: Product) -> None:
        """Do not ask the host of a product for ranges again."""
        self._without_ranges.add(URL(product.url).host)

    def count(self, product: Product, way: Way) -> None:
        """Count a frame that came in a way."""
        self._counted(product, f"way {way}")

    def count_doubt(self, product: Product, reason: str) -> None:
        """Count a frame whose rows were not proved."""
        self._counted(product, f"doubt {reason}")

    def _is_without_ranges(self, product: Product) -> bool:
        return URL(product.url).host in self._without_ranges

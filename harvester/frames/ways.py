"""Chooses how much of a compressed frame is fetched, and how."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from yarl import URL

from ..archives.kind import Fetch, Way
from ..archives.registry import kind_of
from ..models import Plane
from .host_speed import HostSpeed
from .prefix import has_prefix
from .way_costs import PackedFrame, quickest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..models import Product
    from .way_costs import HostLimits

    Counted = Callable[[Product, str], None]

__all__ = ["Ways"]

_BY_BLOCKS = (Way.STREAM, Way.RANGES)

#: Doubts that are accepted in any case, and the number of frames for each further one:
#: with more the archive's frames are unusual, and blocks save nothing.
_ALLOWED, _DOUBTED = 3, 10


def _ignore(_product: Product, _what: str) -> None:
    """Do not count."""


class Ways:
    """Chooses the way of each frame, and counts how frames came.

    Parameters
    ----------
    chosen
        What the user has set, by the name of the archive.
    limits
        What limits the harvest of each archive; its bandwidth is used until a better
        figure is learned. For an archive without limits `Way.AUTO` needs no ranges.
    counted
        Called for each frame with ``way ranges`` and the like, and with ``doubt`` and
        the reason if its rows were not proved.
    """

    def __init__(
        self,
        chosen: Mapping[str, Way] | None = None,
        limits: Mapping[str, HostLimits] | None = None,
        *,
        counted: Counted = _ignore,
    ) -> None:
        self._chosen = chosen or {}
        self._limits = limits or {}
        self._speeds: defaultdict[str | None, HostSpeed] = defaultdict(HostSpeed)
        #: Frames that were read by blocks, and doubts about them, by archive.
        self._read: Counter[str] = Counter()
        self._doubts: Counter[str] = Counter()
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
            # What the noise depends on is behind the image.
            return Way.WHOLE if Plane.IVAR in planes else way
        usual = self.without_blocks(product, galaxies, planes)
        if kind.blocks is None or self._is_without_ranges(product):
            return usual
        if way in _BY_BLOCKS:
            return way
        frame = PackedFrame.of(kind, kind.blocks, galaxies, planes, product.size or 0)
        return self._quickest(product, usual, frame)

    def speed(self, product: Product) -> HostSpeed:
        """Give what is known of the speed of a product's host."""
        return self._speeds[URL(product.url).host]

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
        if way in _BY_BLOCKS:
            self._read[product.archive] += 1

    def count_doubt(self, product: Product, reason: str) -> None:
        """Count a frame whose rows were not proved."""
        self._counted(product, f"doubt {reason}")
        self._doubts[product.archive] += 1

    def _quickest(self, product: Product, usual: Way, frame: PackedFrame) -> Way:
        limits, archive = self._limits.get(product.archive), product.archive
        are_doubtful = self._doubts[archive] > _ALLOWED + self._read[archive] / _DOUBTED
        if limits is None or are_doubtful:
            return usual
        if learned := self.speed(product).bandwidth:
            limits = limits._replace(bandwidth=learned)
        return quickest((usual, *_BY_BLOCKS), frame, limits)

    def _is_without_ranges(self, product: Product) -> bool:
        return URL(product.url).host in self._without_ranges

"""Chooses how much of a compressed frame is fetched, and how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from yarl import URL

from ..archives.kind import Fetch, Way
from ..archives.registry import kind_of
from ..models import Plane
from ..transport.host_speed import HostSpeeds
from .prefix import is_early
from .way_costs import PackedFrame, cost_of, quickest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..archives.kind import ArchiveKind
    from ..cutouts.intervals import Span
    from ..models import Product
    from ..transport.host_speed import HostSpeed
    from .way_costs import HostLimits

    Counted = Callable[[Product, str], None]
    SpeedOf = Callable[[str], HostSpeed]

__all__ = ["Ways", "limit_of", "way_of"]

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
        What limits the harvest of each archive, with the bandwidth and latency that are
        assumed until they are learned. Without limits `Way.AUTO` needs no ranges.
    speed_of
        Gives what is learned of the host of an address.
    counted
        Called for each frame with ``way ranges`` and the like, with ``doubt`` and the
        reason if its rows were not proved, and as `count_ahead` says.
    """

    def __init__(
        self,
        chosen: Mapping[str, Way] | None = None,
        limits: Mapping[str, HostLimits] | None = None,
        *,
        speed_of: SpeedOf | None = None,
        counted: Counted = _ignore,
    ) -> None:
        self._chosen = chosen or {}
        self._limits = limits or {}
        speeds = HostSpeeds()
        self._speed_of = speed_of or (lambda url: speeds.at(URL(url).host or ""))
        #: Frames that were read by blocks, and doubts about them, by archive.
        self._read: Counter[str] = Counter()
        self._doubts: Counter[str] = Counter()
        self._counted = counted

    def choose(
        self,
        product: Product,
        galaxies: int,
        planes: Collection[Plane],
        rows: Collection[Span] = (),
    ) -> Way:
        """Choose the way of a frame, of which some galaxies are wanted.

        ``rows`` are those of their stamps, as far as they can be estimated.
        """
        kind, archive = kind_of(product.archive), product.archive
        if not product.name.endswith(".fits.bz2"):
            return Way.WHOLE
        way, limits = self._chosen.get(archive, Way.AUTO), self._limits.get(archive)
        speed = self.speed(product)
        limits = limits and limits.learned(speed.facts)._replace(
            gives_several=speed.gives_several is not False
        )
        if speed.is_without_ranges and way in _BY_BLOCKS:
            way = Way.AUTO
        may_block = not (speed.is_without_ranges or self._are_doubtful(archive))
        known, size = limits if may_block else None, product.size or 0
        way = way_of(kind, way, galaxies, planes, limits=known, size=size, rows=rows)
        if limits:
            speed.limit = limit_of(kind, way, galaxies, planes, limits, size, rows)
        return way

    def without_blocks(
        self, product: Product, galaxies: int, planes: Collection[Plane]
    ) -> Way:
        """Choose among the ways that need no ranges."""
        return way_of(kind_of(product.archive), Way.AUTO, galaxies, planes)

    def speed(self, product: Product) -> HostSpeed:
        """Give what is learned of the host that is asked first for a product."""
        return self._speed_of((*product.mirrors, product.url)[0])

    def note_no_ranges(self, product: Product) -> None:
        """Do not ask the host of a product for ranges for a day."""
        self.speed(product).note_ranges(given=False)

    def may_give_several(self, product: Product) -> bool:
        """Whether the host of a product may send several ranges at a time."""
        speed = self.speed(product)
        return not (speed.is_without_ranges or speed.gives_several is False)

    def count(self, product: Product, way: Way) -> None:
        """Count a frame that came in a way."""
        self._counted(product, f"way {way}")
        if way in _BY_BLOCKS:
            self._read[product.archive] += 1

    def count_doubt(self, product: Product, reason: str) -> None:
        """Count a frame whose rows were not proved."""
        self._counted(product, f"doubt {reason}")
        self._doubts[product.archive] += 1

    def count_ahead(self, product: Product, *, is_short: bool, vain: int) -> None:
        """Count a frame whose blocks were fetched before its header was here.

        ``is_short``: others had to be fetched later; ``vain``: blocks that were not
        needed.
        """
        self._counted(product, "ahead short" if is_short else "ahead enough")
        for _ in range(vain):
            self._counted(product, "ahead vain")

    def _are_doubtful(self, archive: str) -> bool:
        most = _ALLOWED + self._read[archive] / _DOUBTED
        return self._doubts[archive] > most


def way_of(
    kind: ArchiveKind,
    way: Way,
    galaxies: int,
    planes: Collection[Plane],
    *,
    limits: HostLimits | None = None,
    size: float = 0,
    rows: Collection[Span] = (),
) -> Way:
    """Give the way of a compressed frame.

    Parameters
    ----------
    way
        What the user has set.
    limits
        What limits the harvest; None: `Way.AUTO` needs no ranges.
    size
        Length of the frame in bytes; 0: a typical one.
    rows
        Rows of the stamps; empty: they may be anywhere.
    """
    if kind.fetch is not Fetch.BEGINNING:
        return Way.WHOLE
    if way in {Way.EARLY, Way.WHOLE}:
        # What the noise depends on is behind the image.
        return Way.WHOLE if Plane.IVAR in planes else way
    usual = Way.EARLY if is_early(galaxies, planes) else Way.WHOLE
    if kind.blocks is None or (way is Way.AUTO and limits is None):
        return usual
    if way is not Way.AUTO or limits is None:
        return way
    several = limits.gives_several
    frame = PackedFrame.of(
        kind, kind.blocks, galaxies, planes, size, rows, several=several
    )
    return quickest((usual, *_BY_BLOCKS), frame, limits)


def limit_of(
    kind: ArchiveKind,
    way: Way,
    galaxies: int,
    planes: Collection[Plane],
    limits: HostLimits,
    size: float = 0,
    rows: Collection[Span] = (),
) -> str:
    """Tell what limits the fetching of such frames; empty if they have no blocks."""
    if kind.blocks is None:
        return ""
    several = limits.gives_several
    frame = PackedFrame.of(
        kind, kind.blocks, galaxies, planes, size, rows, several=several
    )
    return cost_of(way, frame).limit(limits)

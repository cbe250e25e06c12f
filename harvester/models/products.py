"""What an archive offers, and what it answers about targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .targets import Target

__all__ = ["Ask", "Finding", "NoChoices", "Product", "Route", "Sample"]

#: How the frame of a target was found: from its identifier, by uploading its position
#: to the archive's cross-match, or by geometry in the table of all fields.
Route = Literal["identifier", "crossid", "geometry"]

#: Why an existing image of a target is not used. ``proprietary``: it is not public.
#: ``moving_target``: the telescope followed a planet or comet, so galaxies are trails.
NoChoices = Literal["", "proprietary", "moving_target"]


@dataclass(frozen=True, slots=True)
class Product:
    """A remote file that an archive offers."""

    archive: str
    #: The archive's own file name; unique within the archive.
    name: str
    band: str
    #: Its public address at the archive; written into the stamps.
    url: str
    #: Addresses of copies; they are tried first, in this order.
    mirrors: tuple[str, ...] = ()
    #: Length in bytes if the archive states one; it may be wrong.
    size: int | None = None
    #: What the archive told about it, such as its PSF: JSON, or empty.
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One target to look up at an archive."""

    target: Target
    #: Whether the identifier led to a wrong frame, so only the position may be used.
    by_position: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The products that an archive has for a target; none is a valid answer."""

    target: Target
    #: For each covered band, the products that hold the target, best first.
    choices: Mapping[str, Sequence[Product]]
    #: How they were found; empty if the archive has only one way.
    route: Route | Literal[""] = ""
    #: Why there are no choices, if that is known.
    reason: NoChoices = ""
    #: Where a position was matched with objects of the archive: the objects within the
    #: search radius, and the distance to the chosen one in arcsec.
    candidates: int | None = None
    separation_arcsec: float | None = None
    #: Whether another object is about as near, so that the choice may be wrong.
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Size of a product and addresses of its copies, as asked before fetching it."""

    #: Number of the product in the ledger.
    product: int
    #: Size in bytes; 0: the archive has no such file; None: unknown.
    size: int | None = None
    #: Addresses of copies, possibly none; None: unknown.
    mirrors: tuple[str, ...] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the archive, or the place of the copies, lacks the file."""
        return self.size == 0 or self.mirrors == ()

"""Which products are worth fetching for a target: pure decisions, no requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Product

__all__ = ["Candidate", "choose", "rank"]

#: Products of one band that are offered for a target, where one stamp is wanted: the
#: best may turn out empty, missing or off target. The others cost nothing until then.
_CHOICES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product whose footprint contains a target."""

    product: Product
    #: Exposure time in seconds; NaN where the archive does not tell.
    exposure_s: float
    #: Whether the whole stamp lies in the footprint.
    holds_whole: bool
    #: The archive does not tell the footprint: the image may well lie elsewhere.
    is_assumed: bool = False


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Sort candidates, best first, each product once.

    An image that is known to be there comes before one that may be; a whole stamp is
    better than a deep one, a deep one better than a shallow one or one of unknown
    depth; the name decides the rest, so that any order of the archive's answer gives
    the same stamps.
    """
    best: dict[tuple[str, str], Candidate] = {}
    for candidate in sorted(candidates, key=_merit):
        product = candidate.product
        best.setdefault((product.archive, product.name), candidate)
    return list(best.values())


def choose(
    candidates: Sequence[Candidate], observations: Literal["best", "all"]
) -> list[Candidate]:
    """Pick what to fetch: the best with two to fall back on, or all; best first."""
    ranked = rank(candidates)
    return ranked if observations == "all" else ranked[:_CHOICES]


def _merit(candidate: Candidate) -> tuple[bool, bool, float, str, str]:
    exposure = candidate.exposure_s
    known = exposure if math.isfinite(exposure) else 0.0
    product = candidate.product
    return (
        candidate.is_assumed,
        not candidate.holds_whole,
        -known,
        product.name,
        product.url,
    )

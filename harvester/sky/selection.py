"""Chooses the products to fetch for a target; sends no requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Product

__all__ = ["Candidate", "choose", "rank"]

#: Products given for one stamp: the best and two others. The others are only fetched if
#: the best is missing, is empty at the target, or does not show it.
_CHOICES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product whose footprint contains a target."""

    product: Product
    #: Exposure time in seconds; NaN if unknown.
    exposure_s: float
    #: Whether the whole stamp lies in the footprint.
    holds_whole: bool
    #: Whether the footprint is only assumed, so that the image may lie elsewhere.
    is_assumed: bool = False


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Sort candidates, best first, each product once.

    A known footprint comes before an assumed one, then an image of the whole stamp
    before one of a part, then a longer exposure before a shorter or unknown one. The
    name decides the rest, so that the result does not depend on the order in which the
    archive lists the images.
    """
    best: dict[tuple[str, str], Candidate] = {}
    for candidate in sorted(candidates, key=_merit):
        product = candidate.product
        best.setdefault((product.archive, product.name), candidate)
    return list(best.values())


def choose(
    candidates: Sequence[Candidate], observations: Literal["best", "all"]
) -> list[Candidate]:
    """Choose the best candidate and two to fall back on, or all; best first."""
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

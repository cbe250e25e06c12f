from __future__ import annotations

import math
from itertools import permutations

from harvester.models import Product
from harvester.sky.selection import Candidate, choose, rank


def candidate(name, exposure_s=100.0, *, whole=True):
    """Give a candidate with this name."""
    product = Product("hst", name, "F160W", f"https://archive.example/{name}")
    return Candidate(product, exposure_s, whole)


SHALLOW, DEEP = candidate("shallow", 10), candidate("deep", 1000)
RAGGED = candidate("ragged", 9999, whole=False)


def names(candidates):
    """Give the names of candidates in their order."""
    return [each.product.name for each in candidates]


def test_order_of_merit():
    """A whole stamp comes before a deep one, a deep one before a shallow one."""
    assert names(rank([RAGGED, SHALLOW, DEEP])) == ["deep", "shallow", "ragged"]


def test_any_order():
    """The order in which an archive lists images does not matter."""
    some = [candidate("b"), candidate("a"), candidate("c"), RAGGED]
    orders = {tuple(names(rank(order))) for order in permutations(some)}
    assert orders == {("a", "b", "c", "ragged")}


def test_unknown_exposure():
    """An unknown exposure time counts as none."""
    unknown = candidate("a unknown", math.nan)
    assert names(rank([unknown, SHALLOW])) == ["shallow", "a unknown"]


def test_one_product_twice():
    """A product with several regions is given once, by its best one."""
    ragged = candidate("deep", 1000, whole=False)
    assert rank([ragged, DEEP]) == [DEEP]


def test_choice():
    """The best and two others are chosen, or all."""
    some = [RAGGED, DEEP, SHALLOW, candidate("faint", 1)]
    assert names(choose(some, "best")) == ["deep", "shallow", "faint"]
    assert names(choose(some, "all")) == ["deep", "shallow", "faint", "ragged"]
    assert choose([RAGGED], "best") == [RAGGED]
    assert choose([], "best") == choose([], "all") == []


def test_assumed_footprint():
    """An image with an assumed footprint comes last, one of unknown depth does not."""
    product = Product("hst", "assumed", "F160W", "https://archive.example/assumed")
    assumed = Candidate(product, 9999.0, holds_whole=True, is_assumed=True)
    unknown = candidate("unknown", math.nan)
    assert names(rank([assumed, RAGGED, unknown, SHALLOW])) == [
        "shallow", "unknown", "ragged", "assumed"
    ]  # fmt: skip

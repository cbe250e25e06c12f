"""The section that compares the bill with what the harvest really took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .markup import tag, wide_table
from .words import bytes_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from .facts import RunFacts

__all__ = ["bill_section"]

_NO_BILL = (
    "The run has kept no bill: that needs all galaxies of an archive to be located "
    "before its first frame is fetched. These are the figures that were counted."
)
_BILL = (
    "The bill was computed when all galaxies were located; the other figures were "
    "counted since the run began. Requests that had to be repeated are not billed. The "
    "run keeps no estimate of the time."
)
_PART = " While the harvest is not at its end, the figures are only a part."


def bill_section(facts: RunFacts) -> Element:
    """Make the section."""
    has_bill = any(facts.report["bill"].values())
    is_part = facts.overview["settled"] < facts.overview["total"]
    words = _BILL + _PART * is_part if has_bill else _NO_BILL
    return tag(
        "section",
        tag("h2", "Bill and truth", id="bill-title"),
        tag("p", words, class_="quiet"),
        wide_table(
            "Bill and truth",
            ["", "Bill", "Truth", "Truth / bill"],
            list(_rows(facts)),
        ),
        id="bill",
        aria_labelledby="bill-title",
    )


def _rows(facts: RunFacts) -> Iterator[list[str]]:
    report, bill = facts.report, facts.report["bill"]

    def compare(
        what: str, counted: Mapping[str, int], words: Callable[[int], str]
    ) -> Iterator[list[str]]:
        billed = bill[what]
        for name in dict.fromkeys([*counted, *billed]):
            expected, real = billed.get(name), counted.get(name, 0)
            ratio = f"{real / expected:.3f}" if expected else "-"
            cells = "-" if expected is None else words(expected), words(real), ratio
            yield [f"{name}: {what}", *cells]

    yield from compare("frames", report["frames"], "{:,}".format)
    yield from compare("requests", report["requests"], "{:,}".format)
    yield from compare("bytes", report["bytes"], bytes_words)

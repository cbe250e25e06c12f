"""The first lines of the report, and the section that says what came of each band."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...events import counted, duration_words
from ...plan.words import route_lines
from ...states import State
from ..running import Life
from .markup import given, tag
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from .facts import RunFacts

__all__ = ["came_section", "first_section"]

#: States in which a bar is drawn.
_BARS = ("done", "no_coverage", "failed", "located")


def first_section(facts: RunFacts) -> Element:
    """Make the section that tells in a few lines how the run stands."""
    told = facts.overview
    share = f"{told['settled'] / max(1, told['total']):.0%}"
    return tag(
        "section",
        tag("h2", "In short", class_="unseen", id="first-title"),
        tag(
            "p",
            tag("b", f"{told['settled']:,}"),
            tag("span", f"of {told['total']:,} settled"),
            tag("span", told["state"], class_=f"badge {told['state']}"),
            tag("span", share, class_="share"),
            class_="big",
        ),
        _bar(told),
        *(tag("p", line) for line in _first_lines(facts)),
        tag("p", tag("code", told["next"]), class_="command") if told["next"] else None,
        id="first",
        aria_labelledby="first-title",
    )


def _first_lines(facts: RunFacts) -> Iterator[str]:
    told, report = facts.overview, facts.report
    yield (
        f"{counted(report['targets'], 'galaxy', 'galaxies')} in "
        f"{counted(len(report['bands']), 'band')}: "
        f"{counted(report['cutouts'], 'stamp')}. {_counts(told)}."
    )
    if began := report["began"]:
        yield f"Begun {_date(began)}{_settled_words(began, report['settled'])}."
    if told["words"]:
        yield f"When this was written: {told['words']}."
    if report["pace"]:
        yield f"{report['pace']['words']}."
    if told["state"] in {"stopped", Life.DEAD.value}:
        yield "The run is not at its end. This goes on with it:"


def _date(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def _settled_words(began: str, settled: str | None) -> str:
    if settled is None:
        return ""
    times = [datetime.fromisoformat(one).timestamp() for one in (began, settled)]
    after = duration_words(times[1] - times[0])
    return f", settled {moment(times[1])} UTC, {after} later"


def came_section(facts: RunFacts) -> Element:
    """Make the section that tells of each band, and of the frames of each survey."""
    return tag(
        "section",
        tag("h2", "What came", id="came-title"),
        _legend(),
        tag("div", *(_band(one) for one in facts.report["bands"]), id="bands"),
        tag("ul", *(tag("li", given(line)) for line in _lines(facts))),
        id="came",
        aria_labelledby="came-title",
    )


def _legend() -> Element:
    names = [*_BARS, "pending"]
    entries = (
        tag("span", tag("i", class_=name), name.replace("_", " ")) for name in names
    )
    return tag("p", *entries, class_="legend", aria_hidden="true")


def _band(one: Mapping[str, Any]) -> Element:
    settled = one["total"] - one["located"] - one["pending"]
    share = f"{settled / max(1, one['total']):.0%} settled"
    return tag(
        "div",
        tag("p", tag("b", one["name"]), tag("span", share)),
        _bar(one),
        tag("small", _counts(one)),
        class_="band",
    )


def _bar(counts: Mapping[str, Any]) -> Element:
    names = [name for name in (*_BARS, "pending") if counts[name]]
    parts = (tag("i", class_=one, style=f"flex-grow:{counts[one]}") for one in names)
    return tag("div", *parts, class_="bar", aria_hidden="true")


def _counts(counts: Mapping[str, Any]) -> str:
    """Say the number in each state; of several bands they are added."""
    told = [
        f"{counts[state.value]:,} {state.replace('_', ' ')}"
        for state in (
            *(State.DONE, State.NO_COVERAGE, State.FAILED),
            *(State.LOCATED, State.PENDING),
        )
        if counts[state.value] or state is State.DONE
    ]
    return ", ".join(told)


def _lines(facts: RunFacts) -> Iterator[str]:
    report = facts.report
    for name, frames in report["frames"].items():
        ratio = report["amplification"][name]
        rest = f", {ratio:.2f} x the bytes that the stamps need" if ratio else ""
        ways = ", ".join(
            f"{way} {count:,}" for way, count in report["ways"][name].items()
        )
        how = f"; by the way they came: {ways}" if ways else ""
        yield f"{name}: {counted(frames, 'frame')} fetched{rest}{how}"
    yield from route_lines(report["located_by"])
    if count := report["substitutes"]:
        words = counted(count, "stamp is", "stamps are")
        yield f"{words} not from the best image, because that was not available."

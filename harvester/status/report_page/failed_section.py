"""The section that says what failed and why, with the galaxies behind each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...events import counted
from .markup import details, given, tag, wide_table
from .reasons import meaning_of
from .words import first_of_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from ...ledger.browsing import FailedTarget
    from .facts import RunFacts

__all__ = ["failed_section"]

#: Characters of the commands of a group at most: a reason may hold a server's answer.
_LONGEST_COMMANDS = 2_000


def failed_section(facts: RunFacts) -> Element:
    """Make the section."""
    return tag(
        "section",
        tag("h2", "What failed, and why", id="failed-title"),
        *_troubles(facts),
        *_groups(facts),
        *_rejects(facts),
        id="failed",
        aria_labelledby="failed-title",
    )


def _troubles(facts: RunFacts) -> Iterator[Element]:
    for trouble in facts.report["troubles"]:
        yield tag("p", "Not finished: ", given(trouble), class_="trouble")


def _groups(facts: RunFacts) -> Iterator[Element]:
    groups = facts.overview["failures"]
    if not groups:
        yield tag("p", "No galaxy failed.")
        return
    jobs = sum(one["jobs"] for one in groups)
    reasons = counted(len(groups), "reason")
    # A job is one galaxy in all bands of one survey.
    yield tag("p", f"{counted(jobs, 'job')} failed, for {reasons}.")
    for one, galaxies in zip(groups, facts.failed, strict=True):
        yield _group(one, galaxies)
    if more := facts.overview["more_reasons"]:
        words = counted(more, "more reason is", "more reasons are")
        yield tag("p", f"{words} left out.", class_="quiet")


def _group(one: Mapping[str, Any], galaxies: Sequence[FailedTarget]) -> Element:
    jobs = counted(one["jobs"], "job")
    meaning = meaning_of(one["reason"])
    title = f"Failed: {one['reason'][:80]}, {one['of']}"
    return details(
        [
            tag("b", given(one["reason"])),
            tag("span", one["of"], class_="quiet"),
            tag("span", jobs, class_="count"),
        ],
        tag("p", meaning) if meaning else None,
        wide_table(
            title,
            ["Galaxy", "RA (°)", "Dec (°)", "Tries"],
            [_galaxy(galaxy) for galaxy in galaxies],
        ),
        tag(
            "p",
            first_of_all(len(galaxies), one["jobs"], "galaxy", "galaxies"),
            class_="quiet",
        ),
        *_commands(one),
    )


def _commands(one: Mapping[str, Any]) -> Iterator[Element]:
    commands = f"{one['retry_some']}\n{one['retry_all']}"
    if len(commands) > _LONGEST_COMMANDS:
        yield tag("p", "The reason is too long for a command: retry by a pattern.")
        return
    yield tag("p", "Retry ten, then all:")
    yield tag("pre", commands)


def _galaxy(galaxy: FailedTarget) -> list[Element | str]:
    place = f"{galaxy.ra:.5f}", f"{galaxy.dec:+.5f}"
    return [given(galaxy.id), *place, f"{galaxy.attempts:,}"]


def _rejects(facts: RunFacts) -> Iterator[Element]:
    if not (total := facts.report["rejected"]):
        return
    words = counted(total, "row")
    yield details(
        [tag("b", "Rows of the catalogue that were not taken"), _count(words)],
        wide_table(
            "Rows that were not taken",
            ["Line", "Identifier", "Reason"],
            [[f"{line}", given(id_), given(why)] for line, id_, why in facts.rejects],
        ),
        tag("p", first_of_all(len(facts.rejects), total, "row"), class_="quiet"),
    )


def _count(words: str) -> Element:
    return tag("span", words, class_="count")

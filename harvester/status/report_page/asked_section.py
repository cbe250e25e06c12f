"""The section that says what was asked: catalogue, surveys, settings, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...archives.registry import kinds
from ...events import counted
from ...models import Survey
from .markup import details, facts_list, given, tag, wide_table

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from .facts import ChosenSetting, RunFacts

__all__ = ["asked_section"]


def asked_section(facts: RunFacts) -> Element:
    """Make the section."""
    about, report = facts.about, facts.report
    told = {name: value for name, value in about["facts"].items() if value}
    told["Galaxies"] = f"{report['targets']:,}"
    surveys = facts.overview["surveys"].values()
    return tag(
        "section",
        tag("h2", "What was asked", id="asked-title"),
        facts_list((name, given(value)) for name, value in told.items()),
        tag("h3", "Surveys"),
        tag("ul", *(_survey(name) for name in surveys)),
        tag("h3", "Settings that differ from the defaults"),
        _chosen(facts),
        tag("h3", "Versions that made this report"),
        facts_list(about["versions"].items()),
        details(["All settings"], tag("pre", about["settings"])),
        id="asked",
        aria_labelledby="asked-title",
    )


def _survey(name: str) -> Element:
    survey = Survey.parse(name)
    kind = kinds().get(survey.archive)
    title = kind.title if kind else survey.archive
    bands = counted(len(survey.bands), "band")
    return tag("li", tag("code", name), f" ({title}, {bands})")


def _chosen(facts: RunFacts) -> Element:
    if not facts.about["settings"]:
        return tag("p", "The run has no file of settings.", class_="quiet")
    if not facts.chosen:
        return tag("p", "None.", class_="quiet")
    return wide_table(
        "Settings that differ from the defaults",
        ["Setting", "Value", "Default"],
        [_row(one) for one in facts.chosen],
    )


def _row(one: ChosenSetting) -> list[Element | str]:
    return [one.name, given(one.value), given(one.default)]

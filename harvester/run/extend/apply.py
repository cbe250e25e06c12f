"""Adds to a run what was planned: labels, then the ledger, then the other files.

Labels of galaxies that the ledger does not have do no harm, so they are written first.
The ledger changes in one transaction. The settings file and the stamps of removed
galaxies follow; if that is interrupted, the next command that works on the run does it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ...dataset.grown_labels import append_labels
from ...ledger.growth import Growth, grow_ledger
from ...ledger.view import LedgerView
from ..same_run import ID_COLUMN, TAKEN, identity_facts, taken_catalogues
from .finishing import finish_extension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...models import Target
    from ...places import Places
    from .extension import GrownCatalogue, RunExtension

__all__ = ["extend_run"]

#: The catalogues that a run remembers to have taken.
_MOST = 1000


def extend_run(extension: RunExtension, places: Places) -> None:
    """Change the run; only its owner may call this.

    Raises
    ------
    LedgerError
        The ledger is damaged, or of a newer version.
    LocalError
        The disk is full or read-only.
    """
    grown = extension.grown
    with LedgerView.open(places.ledger) as view:
        facts, first = view.facts(), view.next_target()
    if grown and extension.added:
        fresh = grown.comparison.fresh
        append_labels(places.labels, grown.label_file, fresh, first)
    growth = Growth(
        targets=_targets(grown, first) if grown else (),
        dropped=grown.comparison.removed.tolist() if grown and grown.drops else (),
        surveys=extension.surveys,
        rejects=_rejects(grown),
        replaces_rejects=bool(grown and grown.is_whole),
        settings=extension.settings.to_toml(),
        facts=identity_facts(extension.settings) | _facts(extension, facts),
    )
    grow_ledger(places.ledger, growth)
    finish_extension(places)


def _targets(grown: GrownCatalogue, first: int) -> Iterator[Target]:
    is_new = grown.comparison.known < 0
    number = first
    for target in grown.catalogue.targets():
        if is_new[target.number]:
            stem = grown.stems.get(target.number, target.stem)
            yield replace(target, number=number, stem=stem)
            number += 1


def _rejects(grown: GrownCatalogue | None) -> list[tuple[int, str, str]]:
    return [(r.line, r.id, r.reason) for r in grown.catalogue.rejects] if grown else []


def _facts(extension: RunExtension, before: Mapping[str, str]) -> dict[str, str]:
    """Give the facts of the run that the catalogue changes."""
    grown = extension.grown
    if grown is None:
        return {}
    taken = {
        "path": str(grown.path),
        "sha256": grown.catalogue.sha256,
        "added": extension.added,
    }
    # After galaxies were removed, an earlier catalogue has more than the run.
    first = {
        "path": before["catalogue"],
        "sha256": before["catalogue sha256"],
        "added": extension.targets_before,
    }
    earlier = [] if grown.drops else taken_catalogues(before) or [first]
    kept = [one for one in earlier if one["sha256"] != taken["sha256"]]
    facts = {TAKEN: json.dumps([*kept, taken][-_MOST:])}
    if grown.is_whole:
        facts["catalogue"] = str(grown.path)
        facts["catalogue sha256"] = grown.catalogue.sha256
        facts[ID_COLUMN] = grown.catalogue.understanding.id
    return facts

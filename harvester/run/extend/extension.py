"""What an extension of a run would do, in words and as JSON, before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...events import counted
from .comparison import near_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ...catalogue.reader import Catalogue
    from ...dataset.grown_labels import LabelChanges
    from ...models import Survey
    from ...settings.settings import Settings
    from .comparison import Comparison

__all__ = ["GrownCatalogue", "Removed", "RunExtension"]

#: What becomes of galaxies that the catalogue no longer has.
Removed = Literal["keep", "drop"]


@dataclass(frozen=True, slots=True)
class GrownCatalogue:
    """A catalogue that was compared with a run."""

    path: Path
    catalogue: Catalogue
    comparison: Comparison
    labels: LabelChanges
    #: Its labels, one row per galaxy; a temporary file.
    label_file: Path
    #: Names of files for those new galaxies whose own name is taken in the run.
    stems: dict[int, str]
    removed: Removed
    #: Whether it may become the catalogue of the run.
    becomes: bool = True

    @property
    def drops(self) -> int:
        """How many galaxies are removed from the run."""
        return len(self.comparison.removed) if self.removed == "drop" else 0

    @property
    def is_whole(self) -> bool:
        """Whether it has all galaxies of the run, and so is its catalogue from now."""
        return self.becomes and self.drops == len(self.comparison.removed)

    def words(self) -> Iterator[str]:
        """Say what was understood."""
        yield from self.catalogue.notes
        found = self.comparison
        total, fresh = len(found.known), len(found.fresh)
        yield (
            f"{self.path}: {counted(total, 'galaxy', 'galaxies')}; {total - fresh:,} "
            f"of them in the run, {fresh:,} new{_listed(found.new_ids, fresh)}."
        )
        if found.moved:
            yield (
                f"{counted(found.moved, 'galaxy is', 'galaxies are')} elsewhere than "
                f"in the run, by up to {found.moved_arcsec:.3g} arcsec"
                f"{_listed(found.moved_ids, found.moved)}: stamps and positions of "
                "the run stay. To have them cut at the new positions, give them new "
                "identifiers."
            )
        yield from self._label_words()
        if len(found.removed):
            yield self._removed_words()
        if found.near:
            yield f"{near_words(found)}. They are added all the same."
        if len(self.catalogue.rejects):
            rejects = counted(len(self.catalogue.rejects), "row")
            yield f"{rejects} of the file cannot be used; rejects.jsonl will say why."

    def _label_words(self) -> Iterator[str]:
        labels = self.labels
        if count := len(labels.changed):
            yield (
                f"{counted(count, 'galaxy has', 'galaxies have')} other labels than in "
                f"the run, in {', '.join(labels.columns)}: the labels of the run stay."
            )
        if labels.lacking:
            names = ", ".join(labels.lacking)
            yield f"The file lacks the labels {names}: new galaxies have none there."
        if labels.extra:
            names = ", ".join(labels.extra)
            yield f"The run does not have the labels {names}: they are left out."

    def _removed_words(self) -> str:
        found = self.comparison
        count = len(found.removed)
        gone = (
            f"{counted(count, 'galaxy', 'galaxies')} of the run "
            f"{'is' if count == 1 else 'are'} not in it"
            f"{_listed(found.removed_ids, count)}"
        )
        if self.drops:
            return f"{gone}: removed from the run, with their stamps."
        return f"{gone}: kept. To remove them, with their stamps: --removed drop"

    def to_json(self) -> dict[str, Any]:
        """Give the same as `words`."""
        found, labels = self.comparison, self.labels
        return {
            "path": str(self.path),
            "galaxies": len(found.known),
            "known": len(found.known) - len(found.fresh),
            "added": len(found.fresh),
            "moved": {
                "galaxies": found.moved,
                "arcsec": round(found.moved_arcsec, 3),
                "ids": found.moved_ids,
            },
            "relabelled": {"galaxies": len(labels.changed), "labels": labels.columns},
            "missing": {"galaxies": len(found.removed), "ids": found.removed_ids},
            "dropped": self.drops,
            "near": {"galaxies": found.near, "ids": found.near_ids},
            "labels": {"lacking": labels.lacking, "left_out": labels.extra},
            "rejected": len(self.catalogue.rejects),
            "becomes_catalogue": self.is_whole,
        }


@dataclass(frozen=True, slots=True)
class RunExtension:
    """What a run would become; nothing is done yet."""

    settings: Settings
    surveys_before: Sequence[Survey]
    #: Galaxies of the run before.
    targets_before: int
    #: None: only surveys are added.
    grown: GrownCatalogue | None

    @property
    def surveys(self) -> list[Survey]:
        """All surveys of the run from then on."""
        return self.settings.parsed_surveys()

    @property
    def added_bands(self) -> list[str]:
        """The bands that are new, each as a survey."""
        before = {
            (one.archive, one.instrument, band)
            for one in self.surveys_before
            for band in one.bands
        }
        return [
            ":".join(filter(None, (one.archive, one.instrument, band)))
            for one in self.surveys
            for band in one.bands
            if (one.archive, one.instrument, band) not in before
        ]

    @property
    def added(self) -> int:
        """How many galaxies are new."""
        return len(self.grown.comparison.fresh) if self.grown else 0

    @property
    def dropped(self) -> int:
        """How many galaxies are removed."""
        return self.grown.drops if self.grown else 0

    @property
    def changes_run(self) -> bool:
        """Whether anything is added or removed."""
        return bool(self.added or self.dropped or self.added_bands)

    def words(self) -> list[str]:
        """Say what was understood, and what will be done."""
        return list(self._words())

    def _words(self) -> Iterator[str]:
        if self.grown:
            yield from self.grown.words()
        total = self.targets_before + self.added - self.dropped
        if bands := self.added_bands:
            names = " ".join(bands)
            yield f"New: {names}, for {counted(total, 'galaxy', 'galaxies')}."
        if not self.changes_run:
            yield "Nothing is added to the run."

    def to_json(self) -> dict[str, Any]:
        """Give the same as `words`."""
        return {
            "catalogue": self.grown.to_json() if self.grown else None,
            "targets": self.targets_before + self.added - self.dropped,
            "added": self.added,
            "dropped": self.dropped,
            "added_bands": self.added_bands,
            "surveys": [str(one) for one in self.surveys],
            "words": self.words(),
        }


def _listed(ids: Sequence[str], count: int) -> str:
    if not ids:
        return ""
    more = f" and {count - len(ids):,} more" if count > len(ids) else ""
    return f" ({', '.join(ids)}{more})"

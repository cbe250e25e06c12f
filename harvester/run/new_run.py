"""What a run is made from, as it is told to the process that reads the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .. import __version__
from ..catalogue.options import ReadOptions
from .same_run import identity_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..models import Survey
    from ..settings.settings import Settings

__all__ = ["NewRun"]


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is made from; other processes do not import the settings for it."""

    catalogue: Path
    #: What the user states about the catalogue.
    options: ReadOptions
    surveys: Sequence[Survey]
    #: What the ledger keeps of the settings.
    facts: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make it of the settings of a run."""
        columns = settings.catalogue
        return cls(
            Path(columns.path),
            ReadOptions(**columns.model_dump(exclude={"path"})),
            settings.parsed_surveys(),
            {
                "catalogue": columns.path,
                **identity_facts(settings),
                "made by": f"harvester {__version__}",
            },
        )

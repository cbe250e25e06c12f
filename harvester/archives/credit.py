"""What an archive asks of a publication, and what users of its pixels must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Credit", "Credited"]


@dataclass(frozen=True, slots=True)
class Credit:
    """What the archive asks authors to acknowledge and cite."""

    #: Page with the sentence for the acknowledgements and the papers to cite.
    page: str
    #: Short form, such as "the HST acknowledgement".
    words: str
    #: Sentences that the archive asks to be printed word for word; empty if unknown.
    acknowledgement: str = ""
    #: What it asks for besides that, one sentence each.
    requests: tuple[str, ...] = ()
    #: Papers to cite, as BibTeX entries.
    papers: tuple[str, ...] = ()


class Credited(Protocol):
    """The part of `ArchiveKind` that the card of a data set reads."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What users of its pixels must know, for the card of a data set."""
        ...

    @property
    def credit(self) -> Credit:
        """What the archive asks of a publication."""
        ...

    def credit_of(self, identity: Mapping[str, str]) -> Credit:
        """Give what the archive asks of a publication with the stamps of a run.

        Parameters
        ----------
        identity
            The settings that decide which stamps are made, by name, as in the metadata
            of the manifest. Settings that are missing have their default.
        """
        ...

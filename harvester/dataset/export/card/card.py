"""The card of a data set: README.md, which says what it is, and CITATION.bib.

All facts come from the manifest, its metadata, and the dates in the ledger, so that the
same run gives the same card at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...stamps import atomic_write
from .citations import bibliography
from .sections import SECTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from .facts import CardFacts

__all__ = ["CITATION", "README", "write_card"]

README, CITATION = "README.md", "CITATION.bib"


def write_card(
    folder: Path, facts: CardFacts, front_matter: str = ""
) -> tuple[Path, Path]:
    """Write README.md and CITATION.bib into the folder of a data set.

    Parameters
    ----------
    front_matter
        YAML for the top of README.md, without the lines of dashes; empty: none.

    Raises
    ------
    LocalError
        A file cannot be written.
    """
    parts = [f"---\n{front_matter.strip()}\n---"] if front_matter.strip() else []
    parts.append(f"# {facts.edition.name}")
    for title, section in SECTIONS:
        heading = [f"## {title}"] if title else []
        parts += [*heading, *section(facts)]
    cited = bibliography(facts.archives, facts.identity, facts.labels)
    readme, citation = folder / README, folder / CITATION
    for path, text in ((readme, "\n\n".join(parts) + "\n"), (citation, cited)):
        with atomic_write(path) as new:
            new.write_text(text, "utf-8")
    return readme, citation

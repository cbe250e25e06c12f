"""An object that is in a store, and the names of the metadata that we give objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RUN", "SHA256", "WRITER", "FoundObject"]

#: Names of the metadata: the hash of the content, the run that the object belongs to,
#: and the folder of that run that wrote it.
SHA256, RUN, WRITER = "sha256", "run", "writer"


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object that is in the store."""

    #: Below the prefix, with ``/``.
    name: str
    size: int
    e_tag: str
    #: The metadata, where the store keeps any and it was asked for.
    labels: Mapping[str, str]

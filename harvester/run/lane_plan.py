"""What a lane does and how hard it tries: plain facts, made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ..models import CutoutSpec, Survey

__all__ = ["LanePlan"]


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What a lane does and how hard it tries."""

    surveys: tuple[Survey, ...]
    spec: CutoutSpec
    #: Folder that stamps are written under.
    root: Path
    #: A stamp from every product that holds a target, not only from the best.
    keep_all: bool
    #: Frames in hand at once, being fetched or cut.
    workers: int
    #: Attempts of a job before it is given up.
    attempts: int
    #: Longest wait in seconds between two of them.
    longest_backoff_s: float
    #: Seconds for which an archive that gives no sensible answer is asked again.
    patience_s: float

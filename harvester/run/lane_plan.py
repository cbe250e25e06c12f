"""The parameters of a lane, made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ..models import CutoutSpec, Survey

__all__ = ["LanePlan"]


@dataclass(frozen=True, slots=True)
class LanePlan:
    """The parameters of a lane."""

    surveys: tuple[Survey, ...]
    spec: CutoutSpec
    #: Output folder of the run; stamps are written below it.
    root: Path
    #: Whether to cut a stamp from every product that holds a target, not only the best.
    keep_all: bool
    #: Number of frames that are fetched or cut at the same time.
    workers: int
    #: Attempts of a job before it is given up.
    attempts: int
    #: Longest wait in seconds between two attempts.
    longest_backoff_s: float
    #: Seconds for which an archive that gives invalid answers is asked again.
    patience_s: float

"""The resources of an executor, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ExecutorLimits"]


@dataclass(frozen=True, slots=True)
class ExecutorLimits:
    """What an executor may use, and where it finds frames."""

    #: Number of cutting processes; 0: as many as there is room for.
    processes: int
    #: Seconds after which a job counts as hung.
    cut_s: float
    #: Largest memory in bytes of a cutting process on this machine.
    memory_bytes: int
    #: Most bytes that Dask workers have in hand.
    outstanding_bytes: int
    #: Seconds for which a lost scheduler is waited for.
    patience_s: float
    #: Folder of the frames on this machine.
    frames: Path
    frames_by: Literal["auto", "path", "workers"]
    #: Frames in hand that keep the hosts of each archive busy.
    at_once: Mapping[str, int]

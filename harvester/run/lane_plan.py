"""The parameters of a lane, made from the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..plan.allowance import frames_in_hand
from .outlet import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..archives.costs import Costs
    from ..models import CutoutSpec, Survey
    from .outlet import Outlet

__all__ = ["LanePlan", "lane_workers"]


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
    #: Takes the stamps that the ledger has recorded.
    outlet: Outlet = NOWHERE


def lane_workers(costs: Costs, files: Callable[[str], int]) -> int:
    """Give the number of frames in hand that keep the hosts of an archive busy.

    Parameters
    ----------
    files
        Gives the files of a service that may be in flight.
    """
    frames = frames_in_hand(files(costs.file_service))
    if costs.mirror_service and costs.layout is not None:
        # While the archive's own connections are taken, those to the copies are not.
        frames += math.ceil(files(costs.mirror_service) / costs.layout.at_once)
    return frames

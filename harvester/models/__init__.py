"""Frozen records that the parts of the harvester exchange.

They hold plain facts, and import nothing else of the package but errors.
"""

from .flags import Flag
from .hosts import HostFacts
from .planes import DEFAULT_PLANES, Bit, Plane, StampFacts
from .products import Ask, Finding, NoChoices, Product, Route, Sample
from .stamps import ENDS_WORKERS, Cut, FrameJob, HeldPart, Neighbour, Receipt, Wanted
from .targets import CutoutSpec, Mode, StampSize, Survey, Target

__all__ = [
    "DEFAULT_PLANES",
    "ENDS_WORKERS",
    "Ask",
    "Bit",
    "Cut",
    "CutoutSpec",
    "Finding",
    "Flag",
    "FrameJob",
    "HeldPart",
    "HostFacts",
    "Mode",
    "Neighbour",
    "NoChoices",
    "Plane",
    "Product",
    "Receipt",
    "Route",
    "Sample",
    "StampFacts",
    "StampSize",
    "Survey",
    "Target",
    "Wanted",
]

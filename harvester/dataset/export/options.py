"""What a user chooses about an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..aligned_run.align_options import AlignOptions

__all__ = ["ExportOptions", "Split"]


@dataclass(frozen=True, slots=True)
class Split:
    """How galaxies are divided into training, validation and test sets."""

    #: Two or three fractions that sum to 1.
    fractions: tuple[float, ...]
    #: ``sky``: galaxies that share a frame stay together; ``random``: each on its own.
    by: str = "sky"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the user chose."""

    #: Bands such as ``r`` or ``SURVEY:r``; empty: all of the run.
    bands: tuple[str, ...] = ()
    #: Columns of the catalogue; empty: all of them.
    labels: tuple[str, ...] = ()
    split: Split | None = None
    #: Stamps with a smaller part of valid pixels (0 to 1) count as missing.
    min_coverage: float = 0.0
    #: Galaxies of a small edition; None: all.
    starter: int | None = None
    #: Refuse formats that store numbers with the most significant byte first.
    native_endian: bool = False
    #: File type of pictures, ``jpg`` or ``fits``, for formats that let the user choose;
    #: None: the first of its types.
    images: str | None = None
    #: How the stamps are aligned first; None: they are exported as they were cut.
    align: AlignOptions | None = None

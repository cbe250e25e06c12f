"""The same samples as a ``Dataset`` of torch; import this only if torch is there.

The package imports this module only inside `Galaxies.torch`, so that all else works
without torch.
"""

from __future__ import annotations

from torch.utils.data import Dataset

from .samples import StampSamples

__all__ = ["TorchStamps"]


class TorchStamps(StampSamples, Dataset):  # type: ignore[misc] # torch is not installed where types are checked
    """A map-style ``torch.utils.data.Dataset`` of galaxies.

    Its arrays are those of numpy: the ``collate_fn`` of torch makes tensors of them.
    Map-style data sets can be shuffled, split with ``torch.utils.data.random_split``
    and read by several workers.
    """

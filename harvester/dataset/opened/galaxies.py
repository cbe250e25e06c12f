"""A data set as a sequence of galaxies: what `harvester.open` returns."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from ...places import Places
from ..manifest import label_names
from .band_names import read_bands
from .choosing import choose
from .current_rows import current_rows
from .galaxy import HarvestedGalaxy
from .samples import StampSamples

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from .band_names import Band
    from .torch_dataset import TorchStamps

__all__ = ["Galaxies", "open_run"]


def open_run(out: str | os.PathLike[str], /) -> Galaxies:
    """Open the data set of a run, also while the run is going on.

    >>> data = harvester.open("zoo")
    >>> len(data), data.bands
    (12, (('sdss', 'r'),))
    >>> stamp = data[0]["sdss", "r"]
    >>> stamp.flux.shape, stamp.wcs.naxis
    ((40, 40), 2)

    Nothing of the stamps is read until it is used. What a run adds later is seen by
    opening it again.

    Raises
    ------
    InputError
        The folder has no run.
    LedgerError
        The ledger is damaged, or of another version.
    """
    places = Places(Path(out))
    return Galaxies(places.out, current_rows(places))


class Galaxies:
    """The galaxies of a data set, in the order of the catalogue.

    ``data[5]`` is a galaxy by its number in this sequence, ``data["1237648..."]`` by
    its identifier, and ``data[:100]`` a shorter sequence.
    """

    def __init__(self, out: Path, table: pa.Table) -> None:
        #: The folder of the run.
        self.out = out
        #: One row per galaxy, band and stamp, with the columns of the manifest.
        self.table = table

    @property
    def bands(self) -> tuple[Band, ...]:
        """Survey and band of all rows, also of those without a stamp."""
        pairs = self.table.group_by(["survey", "band"], use_threads=False)
        return tuple(tuple(row.values()) for row in pairs.aggregate([]).to_pylist())

    @property
    def labels(self) -> list[str]:
        """The columns of the catalogue."""
        return label_names(self.table)

    def to_pandas(self) -> pd.DataFrame:
        """Give the table as pandas has it; identifiers stay text."""
        if find_spec("pandas") is None:
            msg = "to_pandas() needs pandas. Install it with: pip install pandas"
            raise InputError(msg)
        return self.table.to_pandas()

    # -- galaxies ----------------------------------------------------------------------

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each galaxy, and the number of rows at the end."""
        rows = self.table.num_rows
        is_first = np.ones(rows, dtype=bool)
        if rows:
            # Two galaxies may have the same identifier.
            targets = self.table["target"].to_numpy()
            is_first[1:] = targets[1:] != targets[:-1]
        return np.append(np.flatnonzero(is_first), rows)

    @cached_property
    def _ids(self) -> pa.ChunkedArray:
        return self.table["id_str"].take(pa.array(self.starts[:-1]))

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        numbers: dict[str, list[int]] = {}
        for number, name in enumerate(self._ids.to_pylist()):
            numbers.setdefault(name, []).append(number)
        return numbers

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[HarvestedGalaxy]:
        return map(self._galaxy, range(len(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    @overload
    def __getitem__(self, key: int | str) -> HarvestedGalaxy: ...
    @overload
    def __getitem__(self, key: slice) -> Galaxies: ...
    def __getitem__(self, key: int | str | slice) -> HarvestedGalaxy | Galaxies:
        """Give a galaxy by number or identifier, or a part of the sequence.

        Raises
        ------
        InputError
            No galaxy has the identifier, or several have it.
        IndexError
            The number is too large.
        """
        if isinstance(key, slice):
            return self._part(range(len(self))[key])
        if isinstance(key, str):
            return self._galaxy(self._number_of(key))
        number = index(key)
        if not -len(self) <= number < len(self):
            msg = f"there is no galaxy {number}: there are {len(self)}"
            raise IndexError(msg)
        return self._galaxy(number % len(self))

    def _number_of(self, name: str) -> int:
        found = self._numbers.get(name, [])
        if len(found) == 1:
            return found[0]
        if not found:
            msg = f"no galaxy has the identifier {name!r}"
        else:
            msg = f"{name!r} is the identifier of the galaxies number {found}"
        raise InputError(msg)

    def _galaxy(self, number: int) -> HarvestedGalaxy:
        start, stop = self.starts[number : number + 2].tolist()
        return HarvestedGalaxy(self.out, self.table.slice(start, stop - start))

    def _part(self, numbers: Sequence[int]) -> Galaxies:
        places = np.asarray(numbers, np.int64)
        counts = np.diff(self.starts)[places]
        # The rows of each galaxy follow each other, from its first row on.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.repeat(self.starts[:-1][places], counts) + within
        return Galaxies(self.out, self.table.take(pa.array(rows)))

    # -- choices -----------------------------------------------------------------------

    def where(
        self,
        condition: Any = None,  # noqa: ANN401 - an expression or an array of several libraries
        /,
        *,
        survey: str | Iterable[str] | None = None,
        band: str | Iterable[str] | None = None,
        status: str | Iterable[str] | None = None,
        min_coverage: float | None = None,
    ) -> Galaxies:
        """Keep the rows for which all of this holds, and the galaxies that have one.

        >>> data = harvester.open("zoo")
        >>> len(data.where(survey="sdss", min_coverage=0.95)) <= len(data)
        True
        >>> import pyarrow.compute as pc
        >>> len(data.where(pc.field("ra") < 0))
        0

        Parameters
        ----------
        condition
            An expression of Arrow such as ``pc.field("REDSHIFT") < 0.1``, or a truth
            value for each row of ``table``.
        survey, band, status
            One value or several, as in the columns of these names.
        min_coverage
            The least fraction (0 to 1) of a stamp's pixels that have a value; rows
            without a stamp are dropped.

        Raises
        ------
        InputError
            A value occurs in no row, or the condition cannot be applied.
        """
        chosen = choose(
            self.table,
            condition,
            survey=survey,
            band=band,
            status=status,
            min_coverage=min_coverage,
        )
        return Galaxies(self.out, chosen)

    def complete(
        self, bands: str | Iterable[str | Sequence[str]] | None = None
    ) -> Galaxies:
        """Keep the galaxies that have a stamp in each of some bands; in all for None.

        >>> len(harvester.open("zoo").complete(["sdss:r"]))
        12
        """
        wanted = read_bands(bands, self.bands)
        done = pc.is_valid(self.table["file_loc"]).to_numpy()
        of_band = self._band_numbers(wanted)
        has = np.zeros((len(self), len(wanted)), dtype=bool)
        used = done & (of_band >= 0)
        has[self._galaxy_numbers[used], of_band[used]] = True
        whole: NDArray[np.bool_] = np.all(has, axis=1)
        kept = whole[self._galaxy_numbers]
        return Galaxies(self.out, self.table.filter(pa.array(kept)))

    @cached_property
    def _galaxy_numbers(self) -> NDArray[np.int64]:
        """The number of the galaxy of each row."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def _band_numbers(self, bands: Sequence[Band]) -> NDArray[np.int64]:
        """Give for each row the place of its band in ``bands``; -1: not among them."""
        places = np.full(self.table.num_rows, -1, np.int64)
        for place, (survey, band) in enumerate(bands):
            is_it = pc.and_(
                pc.equal(self.table["survey"], survey),
                pc.equal(self.table["band"], band),
            )
            places[is_it.to_numpy()] = place
        return places

    def samples(
        self,
        bands: str | Iterable[str | Sequence[str]] | None = None,
        labels: str | Iterable[str] = (),
        *,
        planes: str | Iterable[str] = "flux",
        fill: float | None = None,
    ) -> StampSamples:
        """Give the galaxies as a sequence of arrays with labels, for training.

        >>> samples = harvester.open("zoo").samples("sdss:r", "GZ1_MORPHOLOGY_NAME")
        >>> len(samples), samples[0]["flux"].shape, samples[0]["flux"].dtype.name
        (12, (1, 40, 40), 'float32')

        Each item is a dictionary: ``id_str``; for each plane an array ``(band, ny,
        nx)``, contiguous and in the byte order of the machine; and the labels. Labels
        that are text become numbers of classes, see ``classes``.

        Parameters
        ----------
        bands
            Such as ``["sdss:g", "sdss:r"]``; all for None. A galaxy that lacks one of
            them is left out.
        labels
            Columns of the catalogue, or others of the table.
        planes
            ``flux`` and ``ivar`` are float32; ``good`` is bool, true where a pixel can
            be used; ``mask`` is uint8.
        fill
            What stands in flux where there is no value; None: NaN.

        Raises
        ------
        InputError
            A name does not exist, a label has no value, or the stamps do not all have
            the same shape.
        """
        return StampSamples(self, bands, labels, planes=planes, fill=fill)

    def torch(
        self,
        bands: str | Iterable[str | Sequence[str]] | None = None,
        labels: str | Iterable[str] = (),
        *,
        planes: str | Iterable[str] = "flux",
        fill: float | None = None,
    ) -> TorchStamps:
        """Give the `samples` as a map-style ``Dataset`` for the loader of torch.

        Raises
        ------
        InputError
            As `samples`, or torch is not installed.
        """
        if find_spec("torch") is None:
            msg = "torch() needs PyTorch. Install it with: pip install torch"
            raise InputError(msg)
        from .torch_dataset import TorchStamps  # needs torch

        return TorchStamps(self, bands, labels, planes=planes, fill=fill)

    def __repr__(self) -> str:
        done = self.table.filter(pc.is_valid(self.table["file_loc"]))
        counts = done.group_by(["survey", "band"], use_threads=False).aggregate(
            [([], "count_all")]
        )
        listed = ", ".join(
            f"{row['count_all']} in {row['survey']}:{row['band']}"
            for row in counts.to_pylist()
        )
        return f"<{len(self)} galaxies, stamps: {listed or 'none'}>"

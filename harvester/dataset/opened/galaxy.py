"""One galaxy of a data set: its labels, and its stamps by survey and band."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ..manifest import label_names
from .band_names import read_band, read_bands
from .stamp import HarvestedStamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from .band_names import Band

__all__ = ["HarvestedGalaxy"]


class HarvestedGalaxy:
    """A galaxy; ``galaxy["sdss", "r"]`` is its stamp in a band."""

    def __init__(self, out: Path, rows: pa.Table) -> None:
        self._out = out
        self._rows = rows

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The rows of the manifest: also of the bands that have no stamp."""
        rows: list[dict[str, Any]] = self._rows.to_pylist()
        return rows

    @property
    def id(self) -> str:
        """Identifier as the catalogue spells it."""
        return str(self.records[0]["id_str"])

    @property
    def ra(self) -> float:
        """Right ascension, ICRS degrees."""
        return float(self.records[0]["ra"])

    @property
    def dec(self) -> float:
        """Declination, ICRS degrees."""
        return float(self.records[0]["dec"])

    @property
    def labels(self) -> dict[str, Any]:
        """All columns of the catalogue."""
        return {name: self.records[0][name] for name in label_names(self._rows)}

    @cached_property
    def stamps(self) -> tuple[HarvestedStamp, ...]:
        """All stamps; several of a band if the run asked for all observations."""
        return tuple(HarvestedStamp(self._out, r) for r in self.records if _has(r))

    @property
    def bands(self) -> tuple[Band, ...]:
        """Survey and band of the stamps."""
        return tuple(self._best)

    @cached_property
    def _best(self) -> dict[Band, HarvestedStamp]:
        best: dict[Band, HarvestedStamp] = {}
        for stamp in self.stamps:
            best.setdefault(_band(stamp.record), stamp)
        return best

    def __getitem__(self, band: str | Sequence[str]) -> HarvestedStamp:
        """Give the best stamp of a band.

        Raises
        ------
        InputError
            There is none; the message has the reason.
        """
        wanted = read_band(band, dict.fromkeys(map(_band, self.records)))
        if wanted in self._best:
            return self._best[wanted]
        record = next(r for r in self.records if _band(r) == wanted)
        msg = f"galaxy {self.id} has no stamp in {':'.join(wanted)}: {_why(record)}"
        raise InputError(msg)

    def aligned(
        self,
        to: str = "north",
        how: str = "exact",
        *,
        bands: Iterable[str | Sequence[str]] | None = None,
        pixel_scale: float | None = None,
        size: str | None = None,
        register: bool = True,
    ) -> dict[Band, HarvestedStamp]:
        """Give the stamps on one pixel grid, by survey and band.

        ``to`` is ``north``, ``grid`` or a band such as ``sdss:r``; ``how`` is
        ``exact``, ``bilinear`` or ``adaptive``; see `harvester.dataset.align.align`.

        Raises
        ------
        InputError
            A band has no stamp, a name is not known, or reproject is not installed.
        """
        from ..align import align

        every = dict.fromkeys(map(_band, self.records))
        wanted = self.bands if bands is None else read_bands(bands, every)
        stamps = {band: self[band] for band in wanted}
        return align(
            stamps, to, how, pixel_scale=pixel_scale, size=size, register=register
        )

    def __contains__(self, band: object) -> bool:
        if isinstance(band, str):
            band = tuple(band.split(":"))
        return band in self._best

    def __repr__(self) -> str:
        bands = ", ".join(":".join(band) for band in self.bands) or "no stamps"
        return f"<galaxy {self.id}: {bands}>"


def _band(record: Mapping[str, Any]) -> Band:
    return (record["survey"], record["band"])


def _has(record: Mapping[str, Any]) -> bool:
    return bool(record["file_loc"])


def _why(record: Mapping[str, Any]) -> str:
    said = (record["status"], record.get("missing_reason"), record["reason"])
    return ", ".join(dict.fromkeys(str(one) for one in said if one))

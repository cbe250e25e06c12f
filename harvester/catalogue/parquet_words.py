"""Units and frames that astropy, VOParquet and others write into a Parquet file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..importing import IMPORTING
from .sheets import StatedFrame
from .stated_frames import frame_in_keywords, year_of
from .votables import check_document, frames_of, parsed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Stated", "stated_in"]

#: Metadata key under which astropy describes a table.
_ASTROPY = b"table_meta_yaml"
#: Metadata key of a VOTable without rows that describes the columns.
_VOPARQUET = b"IVOA.VOTable-Parquet.content"
#: Metadata keys of the unit of a column.
_UNIT_KEYS = (b"unit", b"units", b"TUNIT")


@dataclass(frozen=True, slots=True)
class Stated:
    """Units and frames that the metadata of a file state."""

    units: dict[str, str] = field(default_factory=dict)
    frames: dict[str, StatedFrame] = field(default_factory=dict)
    frame: StatedFrame | None = None


def stated_in(schema: pa.Schema) -> Stated:
    """Read units and frames from the metadata; ignore what cannot be parsed."""
    words = schema.metadata or {}
    try:
        if _VOPARQUET in words:
            return _of_votable(words[_VOPARQUET])
        if _ASTROPY in words:
            return _of_astropy(words[_ASTROPY])
    except Exception:  # noqa: BLE001, S110 - YAML and XML of any writer; the rows are sound
        pass
    units = {
        each.name: each.metadata[key].decode("utf-8", "replace")
        for each in schema
        for key in _UNIT_KEYS
        if key in (each.metadata or {})
    }
    return Stated(units)


def _of_votable(words: bytes) -> Stated:
    check_document(words)
    document = parsed(io.BytesIO(words))
    table = next(document.iter_tables())
    names = [str(each.name or each.ID) for each in table.fields]
    units = {
        name: str(each.unit)
        for name, each in zip(names, table.fields, strict=True)
        if each.unit is not None and str(each.unit)
    }
    frames, frame = frames_of(document, table, names)
    return Stated(units, frames, frame)


def _of_astropy(words: bytes) -> Stated:
    with IMPORTING:
        from astropy.table import meta
    header = meta.get_header_from_yaml(words.decode().split("\n"))
    units = {
        str(each["name"]): str(each["unit"])
        for each in header["datatype"]
        if each.get("unit")
    }
    own: dict[str, Any] = header.get("meta") or {}
    coordinates = own.get("__serialized_columns__") or {}
    frames = {
        str(each["name"]): frame
        for each in header["datatype"]
        if (frame := _frame(coordinates.get(str(each["name"]).rpartition(".")[0])))
    }
    return Stated(units, frames, frame_in_keywords(own))


def _frame(coordinates: Any) -> StatedFrame | None:
    """Return the frame of a ``SkyCoord`` whose parts are columns."""
    if not isinstance(coordinates, dict) or "frame" not in coordinates:
        return None
    equinox, epoch = (year_of(coordinates.get(each)) for each in ("equinox", "obstime"))
    return StatedFrame(str(coordinates["frame"]), equinox, epoch)

"""SDSS names: object identifiers, fields, and the files of frames."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...models import Product

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "CAMCOLS",
    "RERUN",
    "Field",
    "count_fields",
    "decode",
    "decode_all",
    "field_id",
    "field_of",
    "frame",
    "is_observed",
    "neighbour",
    "observed",
]

#: The one photometric reprocessing that DR8 and later serve.
RERUN = 301

#: Values of ``skyVersion`` in identifiers: 1 until DR7, 2 since DR8.
_SKIES = frozenset({1, 2})

#: The camera columns.
CAMCOLS = range(1, 7)

_INT64 = re.compile(r"[0-9]{1,19}")

#: The name of a frame: band, run, camera column and field.
_FRAME = re.compile(r"frame-[ugriz]-(\d{6})-(\d)-(\d{4})\.fits\.bz2")


class Field(NamedTuple):
    """One field: a section of a run in one camera column."""

    run: int
    camcol: int
    field: int
    rerun: int = RERUN


def decode(identifier: str) -> Field | None:
    """Read run, camcol and field from an SDSS object identifier.

    DR7 and later releases use the same bits. The rerun is always replaced by 301, the
    only one with frames: a rerun changes the photometry, not the imaging. None if the
    text is not an identifier, or names a field that was never observed.
    """
    if not _INT64.fullmatch(identifier):
        return None
    bits = int(identifier)
    sky, run, camcol, field = (
        bits >> 59,
        bits >> 32 & 0xFFFF,
        bits >> 29 & 0x7,
        bits >> 16 & 0xFFF,
    )
    found = Field(run, camcol, field)
    return found if sky in _SKIES and is_observed(found) else None


def is_observed(field: Field) -> bool:
    """Whether a field was observed, and so has frames in DR8 and later."""
    first, last = _runs().get(field.run, (1, 0))
    return field.camcol in CAMCOLS and first <= field.field <= last


def decode_all(
    numbers: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read many identifiers: fields as rows ``(n, 4)``, and which are valid."""
    sky, run, camcol, field = (
        ((numbers >> np.uint64(low)) & np.uint64(mask)).astype(np.int64)
        for low, mask in ((59, 0x1F), (32, 0xFFFF), (29, 0x7), (16, 0xFFF))
    )
    first, last = _spans()[run].T
    known = np.isin(sky, list(_SKIES)) & np.isin(camcol, list(CAMCOLS))
    known &= (first <= field) & (field <= last)
    rerun = np.full(len(run), RERUN, np.int64)
    return np.stack([run, camcol, field, rerun], axis=-1), known


@cache
def _spans() -> NDArray[np.int64]:
    # First and last field by run; 1 and 0 for a run that was not observed.
    spans = np.tile(np.array([1, 0], np.int64), (1 << 16, 1))
    for run, span in _runs().items():
        spans[run] = span
    return spans


@cache
def _runs() -> dict[int, tuple[int, int]]:
    # First and last field by run, of the imaging in DR8 and later.
    text = files(__package__).joinpath("sdss_runs.csv").read_text("ascii")
    rows = csv.DictReader(text.splitlines())
    return {
        int(row["run"]): (int(row["first_field"]), int(row["last_field"]))
        for row in rows
    }


def field_of(name: str) -> Field | None:
    """Read the field in the name of a frame; None for another name."""
    match = _FRAME.fullmatch(name)
    return Field(*map(int, match.groups())) if match else None


def field_id(field: Field) -> int:
    """Give the key of a field in SkyServer's tables, as DR8 and later have it."""
    run, camcol, number, rerun = field
    return 2 << 59 | rerun << 48 | run << 32 | camcol << 29 | number << 16


def frame(base: str, release: int, band: str, field: Field) -> Product:
    """Give the frame of a field in a band; ``base`` is the address of the SAS."""
    run, camcol, number, _ = field
    name = f"frame-{band}-{run:06d}-{camcol}-{number:04d}.fits.bz2"
    folder = f"{base}/dr{release}/{_instrument(release)}/photoObj/frames"
    url = f"{folder}/{RERUN}/{run}/{camcol}/{name}"
    return Product("sdss", name, band, url)


def neighbour(product: Product, step: int) -> Product | None:
    """Give the frame ``step`` fields later in the run; None behind its ends."""
    match = _FRAME.fullmatch(product.name)
    if match is None:
        return None
    run, camcol, number = map(int, match.groups())
    if not is_observed(Field(run, camcol, number + step)):
        return None
    name = f"{product.name[: match.start(3)]}{number + step:04d}.fits.bz2"
    folder = product.url.removesuffix(product.name)
    return Product(product.archive, name, product.band, folder + name)


def _instrument(release: int) -> str:
    # The archive has moved this imaging twice.
    if release <= 12:  # noqa: PLR2004 - a release
        return "boss"
    return "eboss" if release <= 17 else "prior-surveys/sdss4-dr17-eboss"  # noqa: PLR2004 - a release


def observed(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell which rows, ``(n,)`` with ``run`` and ``field``, were observed."""
    spans = [_runs().get(run, (1, 0)) for run in rows["run"].tolist()]
    first, last = np.array(spans, np.int64).reshape(-1, 2).T
    legal: NDArray[np.bool_] = (first <= rows["field"]) & (rows["field"] <= last)
    return legal


def count_fields() -> int:
    """Count the fields of a complete table."""
    fields = sum(last - first + 1 for first, last in _runs().values())
    return fields * len(CAMCOLS)

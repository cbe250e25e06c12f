"""The state of a run at one moment: its manifest, which the whole export is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import InputError
from ...ledger.view import LedgerView
from ...states import SETTLED
from ..stamps import write_manifest

if TYPE_CHECKING:
    from ...places import Places

__all__ = ["Snapshot", "take_snapshot"]

#: Columns of a manifest that does not say itself which columns are not labels.
_OWN = (
    *("id_str", "ra", "dec", "survey", "band", "status", "reason", "file_loc"),
    *("coverage", "product", "sha256", "substitute", "substitute_reason"),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The manifest of a run, and what is known about it."""

    manifest: pa.Table
    #: Of the file of the manifest.
    sha256: str
    #: What the manifest says about the run: version, settings, planes; may be empty.
    facts: dict[str, Any]

    @property
    def own(self) -> list[str]:
        """The columns that the harvester made; the others are labels."""
        names = set(self.facts.get("own_columns", _OWN))
        return [name for name in self.manifest.column_names if name in names]

    @property
    def labels(self) -> list[str]:
        """The columns of the catalogue."""
        own = set(self.own)
        return [name for name in self.manifest.column_names if name not in own]

    @property
    def unsettled(self) -> int:
        """The number of rows that a running or stopped harvest has still to settle."""
        settled = pa.array([state.value for state in SETTLED])
        is_settled = pc.is_in(self.manifest["status"], settled)
        return int(pc.sum(pc.invert(is_settled)).as_py() or 0)


def take_snapshot(places: Places) -> Snapshot:
    """Write the manifest of a run, which may be running, and read it.

    A folder without a ledger, such as a copy of the data set, is taken as its manifest
    says.

    Raises
    ------
    InputError
        There is no run, or nothing in it.
    LocalError
        The manifest cannot be written.
    """
    if places.ledger.exists():
        with LedgerView.open(places.ledger) as view:
            write_manifest(places, view.manifest())
    try:
        content = places.manifest.read_bytes()
        manifest = pq.read_table(pa.BufferReader(content))
    except (OSError, pa.ArrowInvalid) as error:
        msg = (
            f"there is no harvest in {places.out}: {places.manifest.name} cannot be "
            f"read ({error}). Name the folder of a run."
        )
        raise InputError(msg) from error
    if not manifest.num_rows:
        msg = f"the run in {places.out} has no galaxies."
        raise InputError(msg)
    said = (manifest.schema.metadata or {}).get(b"harvester", b"{}")
    return Snapshot(manifest, hashlib.sha256(content).hexdigest(), json.loads(said))

"""The state of a run at one moment: its manifest, which the whole export is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ....errors import InputError
from ....ledger.run_dates import RunDates
from ....ledger.view import LedgerView
from ....states import SETTLED
from ...current_manifest import make_manifest
from ...manifest import label_names, read_manifest, run_facts

if TYPE_CHECKING:
    from ....places import Places

__all__ = ["Snapshot", "take_snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The manifest of a run, and what is known about it."""

    manifest: pa.Table
    #: Of the file of the manifest.
    sha256: str
    #: What the manifest says about the run: version, settings, planes; may be empty.
    facts: dict[str, Any]
    #: When the run was harvested; not known of a copy without its ledger.
    dates: RunDates = field(default_factory=RunDates)

    @property
    def labels(self) -> list[str]:
        """The columns of the catalogue."""
        return label_names(self.manifest)

    @property
    def own(self) -> list[str]:
        """The columns that the harvester made."""
        labels = set(self.labels)
        return [name for name in self.manifest.column_names if name not in labels]

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
        make_manifest(places)
    manifest = read_manifest(places.out)
    if not manifest.num_rows:
        msg = f"the run in {places.out} has no galaxies."
        raise InputError(msg)
    with places.manifest.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = run_facts(manifest.schema)
    return Snapshot(manifest, digest, facts, _dates(places, facts))


def _dates(places: Places, facts: dict[str, Any]) -> RunDates:
    if places.ledger.exists():
        with LedgerView.open(places.ledger) as view:
            return RunDates.of(view.facts())
    # An aligned run tells those of the run that it is from.
    return RunDates.of(facts.get("harvested", {}))

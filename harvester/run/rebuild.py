"""A run that is begun from a manifest: the same stamps again, from the same files.

Nothing is located: the manifest names the file of each stamp. The ledger is filled
under another name and renamed, so that a kill leaves no run that would locate the rest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from .. import __version__
from ..catalogue.stems import Stems
from ..dataset.manifest import (
    label_names,
    read_manifest_file,
    run_facts,
    write_labels,
)
from ..errors import InputError
from ..ledger.file import create_ledger, durable_rename
from ..ledger.retold import located_as_told
from ..models import Target
from ..places import Places
from .begin import remove_scratch, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from ..settings.settings import Settings

    #: A row of the manifest.
    Row = dict[str, Any]

__all__ = ["ToldRun", "begin_from_manifest", "differing_stamps"]


@dataclass(frozen=True, slots=True)
class ToldRun:
    """The manifest from which a run is begun."""

    path: Path
    table: pa.Table
    #: The settings that decide the stamps, as `load_settings` takes them.
    settings: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest from which stamps can be made again.

        Raises
        ------
        InputError
            It is no manifest, or of a version that did not tell how its run was made.
        """
        table = read_manifest_file(path)
        settings = run_facts(table.schema).get("harvest")
        if not settings:
            msg = (
                f"the manifest {path} does not tell how its stamps were cut. Write it "
                "again: `harvester manifest` with the folder of its run"
            )
            raise InputError(msg)
        return cls(path, table, settings)

    def rows_by_target(self) -> Iterator[list[Row]]:
        """Give the rows of each target, numbered from 0, as some may be left out."""
        own = self.table.drop_columns(label_names(self.table))
        rows = (row for batch in own.to_batches() for row in batch.to_pylist())
        targets = groupby(rows, key=lambda row: row["target"])
        for number, (_, some) in enumerate(targets):
            yield [{**row, "target": number} for row in some]


def begin_from_manifest(source: ToldRun, settings: Settings, places: Places) -> None:
    """Begin a run in which every file is located; only its owner may call this.

    Raises
    ------
    LocalError
        The folder cannot be written.
    """
    remove_scratch(places)
    places.scratch.mkdir()
    _write_labels(source, places)
    unfinished = Places(places.scratch)
    create_ledger(
        unfinished.ledger,
        targets=_targets(source),
        rejects=[],
        surveys=settings.parsed_surveys(),
        facts={
            "catalogue": settings.catalogue.path,
            "catalogue sha256": hashlib.sha256(source.path.read_bytes()).hexdigest(),
            "settings": json.dumps(settings.identity(), sort_keys=True),
            "settings sha256": settings.identity_hash(),
            "made by": f"harvester {__version__}",
        },
    )
    located_as_told(
        unfinished.ledger, settings.parsed_surveys(), source.rows_by_target()
    )
    write_settings(settings, places)
    durable_rename(unfinished.ledger, places.ledger)
    remove_scratch(places)


def differing_stamps(source: ToldRun, places: Places) -> list[str]:
    """Give the stamps, by path, that a rebuilt run lacks or has with other bytes."""
    columns = ["file_loc", "sha256"]
    rebuilt = read_manifest_file(places.manifest).select(columns).to_pylist()
    hashes = {row["file_loc"]: row["sha256"] for row in rebuilt}
    return [
        row["file_loc"]
        for row in source.table.select(columns).to_pylist()
        if row["file_loc"] and hashes.get(row["file_loc"]) != row["sha256"]
    ]


def _targets(source: ToldRun) -> Iterator[Target]:
    ids = [rows[0]["id_str"] for rows in source.rows_by_target()]
    stems = Stems(ids)
    for rows in source.rows_by_target():
        first = rows[0]
        stem = stems.name(first["id_str"])
        yield Target(first["target"], first["id_str"], first["ra"], first["dec"], stem)


def _write_labels(source: ToldRun, places: Places) -> None:
    """Write the columns of the catalogue, one row per target, under their own names."""
    numbers = source.table["target"].to_pylist()
    before = [None, *numbers]
    firsts = [n for n, number in enumerate(numbers) if before[n] != number]
    names = label_names(source.table)
    labels = source.table.select(names).take(firsts)
    taken = set(source.table.column_names) - set(names)
    own = [name.removeprefix("label_") for name in names]
    labels = labels.rename_columns(
        [o if o in taken else name for o, name in zip(own, names, strict=True)]
    )
    write_labels(places.labels, labels.replace_schema_metadata(None).to_reader())

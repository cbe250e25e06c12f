"""The rows of a data set as they are now, also while its run is going on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import InputError
from ...ledger.file import need_ledger
from ...ledger.view import LedgerView
from ..manifest import manifest_table, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from ...places import Places

__all__ = ["current_rows"]


def current_rows(places: Places) -> pa.Table:
    """Give one row per galaxy, band and stamp, with the columns of the manifest.

    They come from ``manifest.parquet``; from the ledger if that was written later, as
    while a run is going on.

    Raises
    ------
    InputError
        The folder has neither, or they are of an earlier version.
    """
    if not places.ledger.exists() and places.manifest.exists():
        return read_manifest(places.out)
    need_ledger(places.ledger)
    if places.manifest.exists() and not _changed_since(places.manifest, places.ledger):
        # A manifest of an earlier version lacks columns: the ledger has them.
        with suppress(InputError):
            return read_manifest(places.out)
    with LedgerView.open(places.ledger) as view:
        return manifest_table(places, view.manifest())


def _changed_since(manifest: Path, ledger: Path) -> bool:
    # SQLite writes changes to the log beside the file first. An empty log is left by
    # programs that only read.
    log = ledger.with_name(f"{ledger.name}-wal")
    written = [path.stat() for path in (ledger, log) if path.exists()]
    made = manifest.stat().st_mtime_ns
    return any(one.st_size and one.st_mtime_ns > made for one in written)

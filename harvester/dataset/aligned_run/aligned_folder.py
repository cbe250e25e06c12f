"""The folder of an aligned run while it is written: what a kill leaves is continued.

For each piece of work there is a table with the new rows of its galaxies, written after
their stamps. The same command takes such a piece again if all its stamps have the bytes
that the table tells. The manifest is written last: with it, the folder is a data set.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import InputError, LocalError
from ...places import Places
from ..folder_lock import lock_folder
from ..manifest import run_facts
from ..stamps import atomic_write, remove_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["AlignedFolder"]

#: The folder of the pieces, and the file in it that tells what they are made from.
_PIECES, _IDENTITY = ".aligning", "identity.json"


class AlignedFolder:
    """The folder of an aligned run.

    Parameters
    ----------
    out
        Its path.
    identity
        What decides its bytes, as JSON. An unfinished folder with another identity is
        emptied.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self.out = out
        self._manifest = Places(out).manifest
        self._pieces = out / _PIECES
        self._identity = json.dumps(identity, indent=2, sort_keys=True) + "\n"
        #: What the finished manifest is recognised by.
        self.digest = hashlib.sha256(self._identity.encode()).hexdigest()

    @property
    def is_complete(self) -> bool:
        """Whether this very alignment is there already."""
        if not self._manifest.exists():
            return False
        try:
            facts = run_facts(pq.read_schema(self._manifest.absolute()))
        except (pa.ArrowInvalid, OSError):
            return False
        return facts.get("alignment_sha256") == self.digest

    def remove_other(self) -> None:
        """Remove the folder if it is the data set of another alignment."""
        if self._manifest.exists() and not self.is_complete:
            shutil.rmtree(self.out)

    def begin(self, say: Callable[[str], None]) -> None:
        """Make the folder, or go on with what is there.

        Raises
        ------
        InputError
            It is a data set, or has other files than an unfinished alignment.
        LockedError
            Another process aligns into it.
        LocalError
            It cannot be made.
        """
        _check_free(self.out, self._pieces)
        try:
            self._pieces.mkdir(parents=True, exist_ok=True)
            lock_folder(self, self._pieces, "alignment")
            self._need_identity(say)
        except OSError as error:
            msg = f"the folder {self.out} cannot be made: {error.strerror}"
            raise LocalError(msg) from error
        remove_parts(self.out)

    def _need_identity(self, say: Callable[[str], None]) -> None:
        path = self._pieces / _IDENTITY
        told = path.read_text("utf-8") if path.exists() else ""
        if told == self._identity:
            return
        if told:
            say(f"{self.out} is of another alignment: its stamps are made again.")
        shutil.rmtree(self.out / "cutouts", ignore_errors=True)
        for piece in self._pieces.iterdir():
            piece.unlink()
        with atomic_write(path) as new:
            new.write_text(self._identity, "utf-8")

    def has(self, number: int) -> bool:
        """Whether a piece is there, with all its stamps as they were written."""
        path = self._piece(number)
        if not path.exists():
            return False
        try:
            rows = pq.read_table(path, columns=["file_loc", "sha256"])
        except pa.ArrowInvalid:
            return False
        return all(map(self._is_whole, *rows.drop_null().to_pydict().values()))

    def _is_whole(self, file_loc: str, digest: str) -> bool:
        try:
            content = (self.out / file_loc).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(content).hexdigest() == digest

    def put(self, number: int, rows: pa.Table) -> None:
        """Write the rows of a piece, whose stamps are there."""
        with atomic_write(self._piece(number)) as new:
            pq.write_table(rows, new)

    def pieces(self, count: int) -> Iterator[pa.Table]:
        """Give the rows of all pieces, in order."""
        for number in range(count):
            yield pq.read_table(self._piece(number))

    def _piece(self, number: int) -> Path:
        return self._pieces / f"{number:06d}.parquet"

    def complete(self, schema: pa.Schema, count: int) -> None:
        """Write the manifest, of the rows of all pieces."""
        facts = run_facts(schema) | {"alignment_sha256": self.digest}
        told = schema.with_metadata({b"harvester": json.dumps(facts).encode()})
        with atomic_write(self._manifest) as new, pq.ParquetWriter(new, told) as file:
            for rows in self.pieces(count):
                file.write_table(rows.cast(told))
        self.tidy()

    def tidy(self) -> None:
        """Remove the pieces, which the manifest has made superfluous."""
        shutil.rmtree(self._pieces, ignore_errors=True)


def _check_free(out: Path, pieces: Path) -> None:
    places = Places(out)
    if places.manifest.exists() or places.ledger.exists():
        msg = f"{out} is a data set already: name a new folder"
        raise InputError(msg)
    if (
        out.exists()
        and not pieces.exists()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        msg = f"{out} has files that no alignment wrote: name a new folder"
        raise InputError(msg)

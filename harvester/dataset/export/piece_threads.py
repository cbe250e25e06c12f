"""Writes the pieces of an export, several at a time where they are independent.

Compression runs without the lock of Python's interpreter, so that threads use several
cores.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from typing import TYPE_CHECKING

from ...cutouts.core_count import process_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .kind import ExportPiece
    from .pieces import ExportFolder

__all__ = ["write_pieces"]

#: Most pieces that are written at the same time. Stamps are unpacked by Python itself,
#: one at a time, which keeps about three compressing threads supplied.
_MOST_THREADS = 4


def write_pieces(
    folder: ExportFolder, pieces: Iterable[ExportPiece], advance: Callable[[int], None]
) -> None:
    """Write the pieces that a folder lacks; call ``advance`` with the rows of each.

    A piece that is not independent is written after all before it are complete.

    Raises
    ------
    LocalError
        The disk is full, or a stamp is missing. Pieces that other threads had begun are
        completed first.
    """
    for are_independent, several in groupby(pieces, lambda one: one.is_independent):
        lacking = []
        for piece in several:
            if folder.has(piece):
                advance(piece.rows)
            else:
                lacking.append(piece)
        if are_independent:
            _write_together(folder, lacking, advance)
        else:
            _write_in_turn(folder, lacking, advance)


def _write_in_turn(
    folder: ExportFolder, pieces: Sequence[ExportPiece], advance: Callable[[int], None]
) -> None:
    for piece in pieces:
        folder.write(piece)
        advance(piece.rows)


def _write_together(
    folder: ExportFolder, pieces: Sequence[ExportPiece], advance: Callable[[int], None]
) -> None:
    threads = min(process_count(), _MOST_THREADS)
    with ThreadPoolExecutor(threads) as pool:
        # The largest first, so that all threads are busy until the end.
        largest_first = sorted(pieces, key=lambda one: -one.rows)
        written = {pool.submit(folder.write, one): one for one in largest_first}
        try:
            for done in as_completed(written):
                done.result()
                advance(written[done].rows)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

"""Words for whoever watches a harvest, who may be gone before it ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

__all__ = ["tell"]


def tell(text: str, stream: TextIO | None = None, *, err: bool = False) -> None:
    """Print a line, if anyone still listens; the work goes on in any case."""
    stream = stream or (sys.stderr if err else sys.stdout)
    try:
        click.echo(text, file=stream)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            _silence(stream)


def _silence(stream: TextIO) -> None:
    # What its buffer holds would fail again when the process ends, and turn its exit
    # code into 120.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

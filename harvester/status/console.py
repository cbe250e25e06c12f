"""Prints lines to a terminal or pipe that may be closed before the harvest ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

__all__ = ["print_line"]


def print_line(text: str, stream: TextIO | None = None, *, err: bool = False) -> None:
    """Print a line; if the stream is closed, drop this and all later output."""
    stream = stream or (sys.stderr if err else sys.stdout)
    try:
        click.echo(text, file=stream)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            _silence(stream)


def _silence(stream: TextIO) -> None:
    # Otherwise Python fails to flush the buffer at exit, and the exit code becomes 120.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

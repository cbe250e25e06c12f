"""The command ``harvester broker``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ...status.command import log_options

__all__ = ["broker"]


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where clients are answered, for example 0.0.0.0:8901; port 0 takes a free "
    "one.",
)
@click.option(
    "--address-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write address and secret to this file, which only you can read; clients are "
    "given it with --broker FILE. Without another secret, one is made.",
)
@click.option(
    "--name",
    default="",
    help="Name in the address file by which clients reach this machine; default: its "
    "host name, unless --listen names another address.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the secret that all clients know. Otherwise "
    "$HARVESTER_BROKER_SECRET, or that of $HARVESTER_BROKER_SECRET_FILE.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder in which the harvests of this machine share their limits; default: "
    "the state folder of the user.",
)
@click.option(
    "--lease",
    "lease_s",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=3, max=3000),
    help="A client that is not heard for so long has lost its places.",
)
@click.option(
    "--show",
    metavar="HOST:PORT|FILE",
    help="Only print what the broker there grants, and to whom.",
)
@log_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON (with --show).")
def broker(
    *, listen: str | None, show: str | None, as_json: bool, **given: Any
) -> None:
    """Keep one limit for harvests on several machines, until Ctrl-C or SIGTERM.

    Harvests with --broker ask it before each request. What it permits, and what the
    harvests of its own machine send, together keep the limits of each archive. Without
    it such harvests send nothing: they wait.
    """
    from .serve import serve_broker, show_broker

    if (listen is None) == (show is None):
        msg = "give --listen HOST:PORT to serve, or --show HOST:PORT to look"
        raise click.UsageError(msg)
    if show is not None:
        state, words = show_broker(show, given["secret_file"])
        click.echo(json.dumps(state) if as_json else words)
        return
    assert listen is not None
    sys.exit(serve_broker(listen, given))

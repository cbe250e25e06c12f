"""The command ``dashboard``, and the option ``--listen`` of ``run`` and ``resume``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...places import Places

if TYPE_CHECKING:
    from .address import ListenAddress

__all__ = ["dashboard", "listen_address", "listen_option"]

listen_option = click.option(
    "--listen",
    envvar="HARVESTER_LISTEN",
    metavar="ADDRESS:PORT",
    help="Serve a status page while the harvest runs, for example on 127.0.0.1:8765.",
)


@click.command()
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--listen",
    default="127.0.0.1:8765",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where the page is served; port 0 takes a free one.",
)
def dashboard(folders: tuple[Path, ...], listen: str) -> None:
    """Serve a status page of one or more runs, until Ctrl-C.

    The runs may be at work, finished or stopped; nothing is changed in them. The
    address is printed in one line.
    """
    from .serve import serve_dashboard

    address = listen_address(listen)
    assert address is not None
    serve_dashboard([Places(folder) for folder in folders], address)


def listen_address(text: str | None) -> ListenAddress | None:
    """Read the option ``--listen``; None if it was not given.

    Raises
    ------
    InputError
        It is no address.
    """
    from .address import ListenAddress

    return None if text is None else ListenAddress.parse(text)

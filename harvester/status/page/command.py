"""The command ``dashboard``, and the option ``--listen`` of ``run`` and ``resume``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .address import ListenAddress

__all__ = ["allows_control", "dashboard", "listen_address", "listen_options"]

_CONTROLS = (
    click.option(
        "--allow-control",
        is_flag=True,
        help="Let the page pause, resume, retry and set rates, for those who know the "
        "token that is printed; only on a loopback address.",
    ),
    click.option(
        "--allow-control-anywhere",
        is_flag=True,
        help="As --allow-control, also on other addresses: the token is sent without "
        "encryption.",
    ),
)

_listen = click.option(
    "--listen",
    envvar="HARVESTER_LISTEN",
    metavar="ADDRESS:PORT",
    help="Serve a status page while the harvest runs, for example on 127.0.0.1:8765.",
)


def _control_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_CONTROLS):
        command = option(command)
    return command


def listen_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the page to a command that harvests."""
    return _listen(_control_options(command))


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
@_control_options
def dashboard(folders: tuple[Path, ...], listen: str, **flags: bool) -> None:
    """Serve a status page of one or more runs, until Ctrl-C.

    The runs may be at work, finished or stopped; without --allow-control nothing can be
    changed in them. The address is printed in one line.
    """
    from .serve import serve_dashboard

    address = listen_address(listen)
    assert address is not None
    serve_dashboard(
        [Places(folder) for folder in folders],
        address,
        allows_control=allows_control(flags, address),
    )


def allows_control(flags: Mapping[str, Any], address: ListenAddress | None) -> bool:
    """Tell whether the page may control harvests.

    Raises
    ------
    InputError
        There is no page, or it is on an address that others can reach, too.
    """
    from ...errors import InputError

    is_anywhere = bool(flags.get("allow_control_anywhere"))
    if not is_anywhere and not flags.get("allow_control"):
        return False
    if address is None:
        msg = "--allow-control goes with --listen: only the status page has buttons"
        raise InputError(msg)
    if not address.is_loopback and not is_anywhere:
        msg = (
            f"--allow-control on {address.host}: others can reach this address, and "
            "the token is sent without encryption. Listen on 127.0.0.1 and use `ssh "
            "-L`, or say --allow-control-anywhere"
        )
        raise InputError(msg)
    return True


def listen_address(text: str | None) -> ListenAddress | None:
    """Read the option ``--listen``; None if it was not given.

    Raises
    ------
    InputError
        It is no address.
    """
    from .address import ListenAddress

    return None if text is None else ListenAddress.parse(text)

"""Serves a broker until a signal, and shows what one grants."""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import InputError, LocalError
from ...status.console import print_line
from ...status.log import opened_log
from ...status.log_options import LogOptions
from ...transport.account_file import state_folder
from ...transport.broker.address import (
    BrokerAddress,
    split_address,
    write_address_file,
)
from ...transport.broker.overview import ask_overview, overview_words
from ...transport.broker.server import serving
from ...transport.broker.signed_lines import NoBrokerError, new_nonce
from ...transport.secret_text import BROKER_SECRET, secret_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["serve_broker", "show_broker"]

#: Characters that a secret must have: shorter ones can be guessed.
_SHORTEST = 16

#: Addresses that stand for all addresses of the machine.
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - only compared


def serve_broker(listen: str, given: Mapping[str, Any]) -> int:
    """Serve until Ctrl-C or SIGTERM; give the exit code.

    Raises
    ------
    InputError
        The address, the secret or the folder cannot be used.
    LocalError
        The accounts or the address file cannot be written.
    """
    options = LogOptions.of(given)
    if not given.get("quiet"):
        # The log of a broker tells which clients come and go.
        options = replace(options, verbosity=max(1, options.verbosity))
    with opened_log(options, lambda line: print_line(line, err=True)):
        asyncio.run(_serve(split_address(listen), given))
    return 0


async def _serve(listen: tuple[str, int], given: Mapping[str, Any]) -> None:
    file: Path | None = given["address_file"]
    secret = _secret(given["secret_file"])
    if file is not None:
        secret = secret or new_nonce()
    folder = given["state_dir"] or state_folder()
    if folder is None:
        msg = "this user has no home folder: give --state-dir"
        raise InputError(msg)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    lease_s = given["lease_s"]
    async with serving(
        listen, secret=secret, folder=folder, lease_s=lease_s
    ) as address:
        named = replace(address, host=_name(listen[0], given["name"]))
        if file is not None:
            _write(file, named)
        where = f"--broker {file}" if file is not None else f"--broker {named}"
        print_line(f"Broker at {named}: harvests are given {where}")
        await ended.wait()
    print_line("The broker has ended: its clients wait until it is back.")


def _name(host: str, named: str) -> str:
    if named:
        return named
    return socket.gethostname() if host in _ANY else host


def _write(file: Path, address: BrokerAddress) -> None:
    try:
        write_address_file(file, address)
    except OSError as error:
        msg = f"the address file {file} cannot be written: {error.strerror}"
        raise LocalError(msg) from error


def _secret(file: Path | None) -> str:
    if file is None:
        secret, source = secret_of(BROKER_SECRET), BROKER_SECRET
    else:
        try:
            secret, source = file.read_text(encoding="utf-8").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            msg = f"the secret cannot be read from {file}: {error}"
            raise InputError(msg) from error
    if (secret or file is not None) and len(secret) < _SHORTEST:
        msg = f"the secret of {source} has fewer than {_SHORTEST} characters"
        raise InputError(msg)
    return secret


def show_broker(where: str, file: Path | None) -> tuple[dict[str, Any], str]:
    """Ask a broker what it grants; give it as JSON and in words.

    Raises
    ------
    InputError
        The address or the secret is wrong.
    NoBrokerError
        It cannot be reached.
    """
    try:
        address = BrokerAddress.of(where, _secret(file))
        state = asyncio.run(ask_overview(address))
    except NoBrokerError as error:
        msg = f"the broker at {where} cannot be asked: {error}"
        raise NoBrokerError(msg) from error
    return state, overview_words(state)

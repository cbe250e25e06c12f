"""The command ``harvester sandbox``: serves stand-in archives until it is stopped."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .server import Sandbox

__all__ = ["sandbox"]

_AT_LEAST_ONE = click.IntRange(min=1)


class _InputError(click.ClickException):
    """What was asked for cannot be served."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"harvester: {self.message}", file=file, err=True)


class _MachineError(_InputError):
    """The machine does not let it be served."""

    exit_code = 6


@click.command()
@click.option("--seed", default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--targets", default=200, show_default=True, type=_AT_LEAST_ONE, help="Galaxies."
)
@click.option(
    "--per-field",
    default=14,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Galaxies in an SDSS field, on average.",
)
@click.option(
    "--per-image",
    type=click.IntRange(min=0),
    default=0,
    help="Galaxies in an HST image, and an image of each; 0: images of some galaxies.",
)
@click.option("--no-hst-images", is_flag=True, help="MAST has no HST images.")
@click.option(
    "--hst-later",
    default=0,
    type=click.IntRange(min=0),
    help="HST images that MAST does not have at first; POST /_observe brings the next.",
)
@click.option(
    "--jwst",
    type=click.Choice(["small", "real"]),
    help="Add JWST mosaics: of 1 to 45 MB, or of the real sizes, up to 4.3 GB.",
)
@click.option("--mast-etags", is_flag=True, help="Send ETags with JWST files of MAST.")
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65_532),
    help="First of four ports; 0: any free ones.",
)
@click.option("--ready-file", type=click.Path(path_type=Path), help="Addresses, JSON.")
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    help="Write the galaxies to a FITS table.",
)
@click.option(
    "--frames", type=click.Path(path_type=Path), help="Serve a folder of real frames."
)
@click.option(
    "--latency",
    "latencies",
    multiple=True,
    metavar="KIND=SECONDS",
    help="For query, file, or a service.",
)
@click.option(
    "--bandwidth",
    default=0.0,
    type=click.FloatRange(min=0),
    help="MB/s of each connection; 0: no limit.",
)
@click.option(
    "--line",
    default=0.0,
    type=click.FloatRange(min=0),
    help="MB/s of all connections together; 0: no limit.",
)
@click.option(
    "--sas-ranges",
    type=click.Choice(["none", "one", "several"]),
    default="several",
    show_default=True,
    help="Ranges that the SDSS file server sends at a time.",
)
@click.option("--fault", "faults", multiple=True, help="See docs/operations.md.")
@click.option("--strict", is_flag=True, help="Refuse requests above the rate limit.")
@click.option("--exit-with-stdin", is_flag=True, hidden=True)
def sandbox(**options: Any) -> None:
    """Serve stand-in archives on this machine, to rehearse on."""
    import asyncio  # not needed by the other commands that this module is read for

    from .server import SandboxOptions, serve

    options["latency"] = _seconds(options.pop("latencies"))
    options["hst_images"] = not options.pop("no_hst_images")
    until_stdin = options.pop("exit_with_stdin")

    if until_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        asyncio.run(serve(SandboxOptions(**options), tell=_tell_addresses))
    except ValueError as error:
        msg = f"the sandbox cannot be served so: {error}"
        raise _InputError(msg) from error
    except OSError as error:
        msg = f"the sandbox cannot be served here: {error}"
        raise _MachineError(msg) from error


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_addresses(served: Sandbox) -> None:
    for line in (*served.notes, *(f"{n} {u}" for n, u in served.urls.items())):
        click.echo(line)


def _seconds(texts: tuple[str, ...]) -> dict[str, float]:
    latency = {}
    for text in texts:
        for one in text.split(","):
            name, _, value = one.partition("=")
            try:
                latency[name] = float(value)
            except ValueError as error:
                msg = f"--latency {one!r} is not KIND=SECONDS"
                raise _InputError(msg) from error
            if not 0 <= latency[name] < math.inf:
                msg = f"--latency {one!r}: seconds are a number from 0"
                raise _InputError(msg)
    return latency

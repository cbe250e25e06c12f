"""The demonstration: a whole harvest from the sandbox, in about a minute."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .archives.registry import demo_surveys
from .commands import run_catalogue
from .dataset.export.export import export_run
from .dataset.export.options import ExportOptions
from .dataset.gallery.gallery import write_gallery
from .errors import LocalError, TransientError
from .places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .dataset.export.export import Exported

__all__ = ["run_demo"]

#: The sky of the demonstration: a space telescope has observed about a quarter of its
#: 200 galaxies, so that some lack a stamp.
_SEED = 2010
_GALAXIES = 200

#: The formats that it is exported to. The first one is read with what is installed
#: anyway; the other one is for LSDB and for `datasets` of Hugging Face.
_FORMATS = ("numpy", "hats")

#: Seconds within which the sandbox must be ready.
_READY_S = 60


def run_demo(out: Path, *, keep_sandbox: bool) -> int:
    """Harvest a synthetic catalogue from the sandbox; return the exit code."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder {out} cannot be created: {error.strerror}."
        raise LocalError(msg) from error
    catalogue = out / "catalogue.fits"
    with _sandbox(out, catalogue, keep=keep_sandbox) as urls:
        click.echo(f"Sandbox of the archives: {', '.join(urls.values())}")
        click.echo(f"{_GALAXIES} galaxies: {catalogue}")
        run = Places(out / "harvest")
        code = run_catalogue(catalogue, run, None, _flags(urls))
    if code == 0:
        gallery = write_gallery(run.out)
        exported = [export_run(run, to, ExportOptions()) for to in _FORMATS]
        click.echo(_where_to_look(run, gallery.page, exported))
    return code


@contextmanager
def _sandbox(out: Path, catalogue: Path, *, keep: bool) -> Iterator[dict[str, str]]:
    ready = out / "sandbox.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "harvester", "sandbox"]
    command += ["--seed", str(_SEED), "--targets", str(_GALAXIES)]
    command += ["--ready-file", str(ready), "--catalogue", str(catalogue)]
    if not keep:
        command.append("--exit-with-stdin")  # it must not outlive this process
    process = subprocess.Popen(  # noqa: S603 - this program itself
        command,
        stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
        # Its addresses are printed below.
        stdout=subprocess.DEVNULL,
        start_new_session=keep,
    )
    try:
        yield _wait_until_ready(ready, process)
    finally:
        if keep:
            click.echo(f"The sandbox stays up: process {process.pid}, see {ready}")
        else:
            process.terminate()
            process.wait()


def _wait_until_ready(ready: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + _READY_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            msg = "the sandbox did not start. Run `harvester sandbox` to see why"
            raise TransientError("no_sandbox", msg)
        time.sleep(0.05)
    urls: dict[str, str] = json.loads(ready.read_text())
    return urls


def _flags(urls: dict[str, str]) -> dict[str, object]:
    return {
        "base_urls": urls,
        "as_json": False,
        "locate_only": False,
        "surveys": demo_surveys(),
    }


def _where_to_look(run: Places, page: Path, exported: list[Exported]) -> str:
    own, hats = exported
    return f"""
Stamps:   {run.cutouts}
Manifest: {run.out / run.manifest.name}
Gallery:  {page}
Data set: {own.folder}
Load it:  {own.loading}
The same: {hats.folder}, after `pip install datasets`:
          {hats.loading}

Try next: harvester export {run.out} --to zoobot, or another format
          harvester status {run.out}
          harvester demo --out other --keep-sandbox, press Ctrl-C in the middle,
          then harvester resume other/harvest
"""

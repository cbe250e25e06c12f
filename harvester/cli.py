"""The command line: options become settings, each command is one call.

Exit codes: 0 all jobs settled and none failed; 1 a bug; 2 wrong usage, settings or
catalogue; 3 all settled, some failed; 4 another harvester owns the run; 5 temporary,
resume later; 6 this machine, such as a full disk; 7 the ledger; 129, 130 and 143
stopped by a signal.

Slow imports are inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from . import __version__
from .dataset.aligned_run.command import align
from .dataset.diff.command import diff
from .dataset.export.command import export
from .dataset.gallery.command import gallery, regions, show
from .dataset.plots.command import plot
from .dataset.publish.command import publish
from .errors import HarvesterError
from .events import counted
from .places import Places
from .run.broker.command import broker
from .run.config.command import config
from .run.doctor.command import doctor
from .run.extend.command import extend
from .run.merge.command import merge
from .run.report.command import report
from .run.sending.made import and_sent
from .run.sending.out_option import FOLDER_OR_STORE, choose_run, work_option
from .run.split.command import split
from .run.watch.options import watch_options
from .sandbox.command import sandbox
from .settings.option_command import OfSettings
from .status.command import health, log_options, status
from .status.control.command import ctl
from .status.control.retry_options import retry_details, retry_options
from .status.page.command import dashboard, listen_options

__all__ = ["console", "main"]


def console() -> None:
    """Run the command ``harvester`` in this process."""
    # Process 1 of a container ignores signals without a handler. A harvest installs
    # handlers of its own later.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    # Otherwise Python searches all objects of astropy for cycles at exit: 0.2 s.
    atexit.register(gc.freeze)
    main()


def _leave(number: int, _frame: object) -> None:
    os._exit(128 + number)


class _Commands(click.Group):
    """Prints a `HarvesterError` as one message and exits with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HarvesterError as error:
            click.echo(f"harvester: {error}", err=True)
            ctx.exit(error.exit_code)


folder_argument = click.argument(
    "folder",
    envvar="HARVESTER_RUN",
    default=".",
    type=click.Path(path_type=Path),
)

folder_or_store_argument = click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=FOLDER_OR_STORE
)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _say(facts: dict[str, Any], words: str, as_json: bool) -> None:  # noqa: FBT001 - as the option of each command
    click.echo(json.dumps(facts) if as_json else words)


locate_only_flag = click.option(
    "--locate-only", is_flag=True, help="Locate the images, but fetch none."
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harvester")
def main() -> None:
    """Harvest one stamp per galaxy from MAST and SDSS, politely and completely.

    To try it without an archive: harvester demo
    """


@main.command(cls=OfSettings, sections="RUN", warms_up=True)
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=FOLDER_OR_STORE,
    help="Folder of the run, or a URL to keep the data in an object store.",
)
@work_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file, such as harvest.toml.",
)
@listen_options
@watch_options
@locate_only_flag
@log_options
@json_flag
def run(
    catalogue: Path,
    out: Path | str,
    work: Path | None,
    config: Path | None,
    **flags: Any,
) -> None:
    """Harvest the galaxies of CATALOGUE.

    If the folder has a run of this catalogue, the run is continued.
    """
    from .commands import run_catalogue

    chosen = choose_run(out, work)
    flags |= chosen.settings
    sys.exit(run_catalogue(catalogue, chosen.places, config, flags))


@main.command(cls=OfSettings, sections="RUN")
@click.argument("source", metavar="CATALOGUE|DIR", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Keep the located run in this folder; `harvester run` with the same CATALOGUE "
    "and --out continues it.",
)
@click.option(
    "--bandwidth",
    type=click.FloatRange(min=0, min_open=True),
    help="Bandwidth in MB/s, instead of what was measured; 20 is assumed until then.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file, such as harvest.toml.",
)
@log_options
@json_flag
def plan(source: Path, out: Path | None, config: Path | None, **flags: Any) -> None:
    """Print what a harvest will cost.

    For a CATALOGUE, the images are located with a few requests. For the DIR of a run,
    no request is sent.
    """
    from .commands import plan_catalogue, plan_run

    if source.is_dir():
        if out:
            msg = f"{source} is already the folder of a run: leave out --out"
            raise click.UsageError(msg)
        sys.exit(plan_run(Places(source), flags))
    sys.exit(plan_catalogue(source, out, config, flags))


@main.command(cls=OfSettings, sections="READING")
@click.argument("catalogue", metavar="FILE", type=click.Path(path_type=Path))
@json_flag
def inspect(catalogue: Path, **flags: Any) -> None:
    """Print how a catalogue FILE is read.

    No archive is asked.
    """
    from .commands import inspect_file

    inspect_file(catalogue, flags)


@main.command(cls=OfSettings, sections="MANNERS")
@folder_or_store_argument
@work_option
@listen_options
@watch_options
@locate_only_flag
@log_options
@json_flag
def resume(folder: Path | str, work: Path | None, **flags: Any) -> None:
    """Continue the run in FOLDER.

    The default FOLDER is $HARVESTER_RUN, or else the working directory. FOLDER may be
    the URL of a run in an object store: on a new machine the run is fetched first.
    """
    from .commands import resume_run

    chosen = choose_run(folder, work)
    sys.exit(resume_run(chosen.places, flags, chosen.url))


@main.command(cls=OfSettings, sections="MANNERS")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="manifest.parquet of the run whose stamps are made again.",
)
@click.argument("folder", type=click.Path(path_type=Path))
@log_options
@json_flag
def rebuild(source: Path, folder: Path, **flags: Any) -> None:
    """Make the stamps of a manifest again, in a new FOLDER.

    The manifest names the file of each stamp, so no galaxy is located. Exit code 3:
    some stamps have other bytes than the manifest says. Interrupted, it goes on when it
    is called again.
    """
    from .commands import rebuild_run

    sys.exit(rebuild_run(source, Places(folder), {**flags, "locate_only": False}))


main.add_command(extend)
main.add_command(split)
main.add_command(merge)
main.add_command(status)
main.add_command(health)
main.add_command(ctl)


@main.command()
@folder_argument
@retry_options
@json_flag
def retry(folder: Path, *, as_json: bool, **options: Any) -> None:
    """Make failed galaxies due again.

    `harvester resume` then tries them. A harvest that is at work is told with
    `harvester ctl DIR retry`.
    """
    from .commands import retry_jobs_offline
    from .ledger.taken_up import RetryChoice

    choice = RetryChoice.from_json(retry_details(options))
    count = retry_jobs_offline(Places(folder), choice)
    jobs = counted(count, "job is", "jobs are")
    then = f" Run `harvester resume {folder}`." if count else ""
    _say({"out": str(folder), "due_again": count}, f"{jobs} due again.{then}", as_json)


@main.command()
@folder_or_store_argument
@click.option(
    "--deep",
    is_flag=True,
    help="Also open each stamp: FITS, WCS, shape, galaxy in the middle. This checks "
    "hundreds of stamps a second instead of thousands. Of a store, read each object.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Make lost or damaged stamps due again, so that resume cuts them.",
)
@click.option(
    "--endpoint",
    default="",
    metavar="URL",
    help="With the URL of a store: its address, unless it is the cloud's own.",
)
@json_flag
def verify(
    folder: Path | str, *, deep: bool, repair: bool, endpoint: str, as_json: bool
) -> None:
    """Compare the stamps on disk with the ledger.

    Each stamp is read and hashed, so that one changed bit is found. Files that the
    ledger does not know are listed and not touched. If the run has an object store, or
    FOLDER is the URL of one, that is compared too. Exit code 3: some stamps must be
    made again, or sent again.
    """
    from .commands import verify_run, verify_url

    if isinstance(folder, str):
        found = verify_url(folder, endpoint, deep=deep, repair=repair)
    elif endpoint:
        msg = "--endpoint goes with a URL: a run knows the address of its store"
        raise click.UsageError(msg)
    else:
        found = verify_run(Places(folder), deep=deep, repair=repair)
    click.echo(json.dumps(found.facts) if as_json else "\n".join(found.words))
    sys.exit(0 if found.is_clean else 3)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite TARGET if it exists.")
@json_flag
def backup(folder: Path, target: Path, *, force: bool, as_json: bool) -> None:
    """Copy the ledger of a run to a file.

    FOLDER has the run, which may be running; TARGET is the new file. The copy is
    checked, and appears complete or not at all. docs/operations.md says how to continue
    a run from it.
    """
    from .ledger.backup import back_up

    size = back_up(Places(folder).ledger, target, force=force)
    words = f"{target}: {size / 1e6:,.1f} MB, checked."
    _say({"target": str(target), "bytes": size}, words, as_json)


@main.command()
@folder_argument
@json_flag
def manifest(folder: Path, *, as_json: bool) -> None:
    """Write manifest.parquet and manifest.csv.

    They show the current state of a run.
    """
    from .run.harvest import make_manifest

    files = [str(folder / path.name) for path in make_manifest(Places(folder))]
    _say({"files": files}, "\n".join(files), as_json)


and_sent(manifest)


main.add_command(dashboard)
main.add_command(and_sent(report))
main.add_command(and_sent(gallery))
main.add_command(show)
main.add_command(and_sent(regions))


@main.command()
@json_flag
def archives(*, as_json: bool) -> None:
    """List the archives and their services.

    The list has examples of surveys, addresses, and what to acknowledge.
    """
    from .commands import list_archives

    list_archives(as_json=as_json)


main.add_command(align)
main.add_command(diff)
main.add_command(and_sent(export))
main.add_command(publish)
main.add_command(plot)
main.add_command(doctor)
main.add_command(config)
main.add_command(broker)
main.add_command(sandbox)


@main.command()
@click.option(
    "--out",
    default="harvester-demo",
    type=click.Path(path_type=Path),
    show_default=True,
)
@click.option("--keep-sandbox", is_flag=True, help="Leave the sandbox running.")
def demo(out: Path, *, keep_sandbox: bool) -> None:
    """Harvest 200 galaxies from a local sandbox, in about a minute.

    The sandbox stands in for the archives; no archive is asked.
    """
    from .demo import run_demo

    sys.exit(run_demo(out, keep_sandbox=keep_sandbox))

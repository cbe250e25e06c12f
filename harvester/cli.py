"""The command line: words -> settings -> one call -> words, and an exit code.

Exit codes: 0 settled and none failed, 1 a bug, 2 usage or input, 3 settled with
failures, 4 another harvester holds the run, 5 temporary (resume later), 6 this
machine (disk), 7 the ledger, 129, 130 and 143 stopped by a signal.

Everything heavy is imported inside the commands, so that ``--help`` is quick.
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
from .errors import HarvesterError
from .places import Places
from .sandbox.command import sandbox

__all__ = ["console", "main"]


def console() -> None:
    """Be the process ``harvester``."""
    # Until a harvest listens itself. Process 1 of a container would be deaf to them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    # At the end Python looks for cycles in all that astropy is: 0.2 s for nothing.
    atexit.register(gc.freeze)
    main()


def _leave(number: int, _frame: object) -> None:
    os._exit(128 + number)


class _Commands(click.Group):
    """Turns an error of ours into its sentence and its exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except HarvesterError as error:
            click.echo(f"harvester: {error}", err=True)
            ctx.exit(error.exit_code)


class _OfSettings(click.Command):
    """A command that has the options of some sections of the settings.

    They are made when they are needed: the settings take long to import, and
    ``harvester --help`` shows none of them.
    """

    def __init__(self, *args: Any, sections: str, **kwargs: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*args, **kwargs)
        self._sections = sections

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give its own parameters, and those of the settings before the last ones."""
        from .settings import options  # noqa: PLC0415 - seconds of imports

        own = super().get_params(ctx)
        made = options.options_of(getattr(options, self._sections))
        return [*own[:-1], *made, own[-1]]


folder_argument = click.argument(
    "folder",
    envvar="HARVESTER_RUN",
    default=".",
    type=click.Path(path_type=Path),
)

AT_LEAST_ONE = click.IntRange(min=1)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

locate_only_flag = click.option(
    "--locate-only", is_flag=True, help="Find the images, but fetch none."
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harvester")
def main() -> None:
    """Harvest one stamp per galaxy from HST (MAST) and SDSS, politely and to the end.

    Try it without any archive: harvester demo
    """


@main.command(cls=_OfSettings, sections="RUN")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the run."
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="A file like harvest.toml."
)
@locate_only_flag
@json_flag
def run(catalogue: Path, out: Path, config: Path | None, **flags: Any) -> None:  # noqa: ANN401 - click's options
    """Harvest the galaxies of CATALOGUE; on an existing run, go on with it."""
    from .commands import run_catalogue  # noqa: PLC0415 - seconds of imports

    sys.exit(run_catalogue(catalogue, Places(out), config, flags))


@main.command(cls=_OfSettings, sections="RUN")
@click.argument("source", metavar="CATALOGUE|DIR", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Keep the located run here; `harvester run` with the same goes on with it.",
)
@click.option(
    "--bandwidth",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="MB a second to reckon with.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="A file like harvest.toml."
)
@json_flag
def plan(source: Path, out: Path | None, config: Path | None, **flags: Any) -> None:  # noqa: ANN401 - click's options
    """Tell what a harvest will cost, before the first image is fetched.

    For a CATALOGUE the images are located, with a handful of requests; for the DIR
    of a run nothing is asked.
    """
    from .commands import plan_catalogue, plan_run  # noqa: PLC0415 - slow to import

    if source.is_dir():
        if out:
            msg = f"{source} is a run already: leave out --out"
            raise click.UsageError(msg)
        sys.exit(plan_run(Places(source), flags))
    sys.exit(plan_catalogue(source, out, config, flags))


@main.command(cls=_OfSettings, sections="READING")
@click.argument("catalogue", metavar="FILE", type=click.Path(path_type=Path))
@json_flag
def inspect(catalogue: Path, **flags: Any) -> None:  # noqa: ANN401 - click's options
    """Tell how the catalogue FILE is read, without asking any archive."""
    from .commands import inspect_file  # noqa: PLC0415 - seconds of imports

    inspect_file(catalogue, flags)


@main.command(cls=_OfSettings, sections="MANNERS")
@folder_argument
@locate_only_flag
@json_flag
def resume(folder: Path, **flags: Any) -> None:  # noqa: ANN401 - click's options
    """Go on with the run in FOLDER ($HARVESTER_RUN, else the working directory)."""
    from .commands import resume_run  # noqa: PLC0415 - seconds of imports

    sys.exit(resume_run(Places(folder), flags))


@main.command()
@folder_argument
@json_flag
def status(folder: Path, *, as_json: bool) -> None:
    """Tell how far a run is, also while it is going on."""
    from .status.report import read_report, words  # noqa: PLC0415 - kept out of --help

    report = read_report(Places(folder))
    click.echo(json.dumps(report) if as_json else words(report))


@main.command()
@folder_argument
@click.option(
    "--reason", default="*", metavar="PATTERN", help="Only those, such as 'http_*'."
)
@click.option(
    "--better",
    is_flag=True,
    help="Instead of the failed ones take those up whose stamp is of a second-best "
    "image, because the best could not be had. It stays until there is a better one.",
)
def retry(folder: Path, reason: str, *, better: bool) -> None:
    """Take failed galaxies up again; `harvester resume` then works on them."""
    from .commands import retry_failed  # noqa: PLC0415 - kept out of --help

    count = retry_failed(Places(folder), reason, better=better)
    click.echo(f"{count} jobs taken up again.")


@main.command()
@folder_argument
@click.option(
    "--deep",
    is_flag=True,
    help="Look into each stamp as well: FITS, WCS, shape, galaxy in the middle. That "
    "goes at hundreds of stamps a second, not at thousands.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Send back what is lost, and nothing else, so that resume makes it again.",
)
@json_flag
def verify(folder: Path, *, deep: bool, repair: bool, as_json: bool) -> None:
    """Compare every stamp on disk with the ledger, and the ledger with the disk.

    Each stamp is read and hashed; a changed bit is found. Files that the ledger does
    not know are named and left alone. Exit code 3: something has to be made again.
    """
    from .commands import verify_run  # noqa: PLC0415 - kept out of --help

    found = verify_run(Places(folder), deep=deep, repair=repair)
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        click.echo("\n".join(found.words(folder, repaired=repair)))
    sys.exit(0 if found.clean else 3)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Put it in place of a file that is there.")
def backup(folder: Path, target: Path, *, force: bool) -> None:
    """Copy the ledger of the run in FOLDER to the file TARGET, also while it is in use.

    The copy is checked, and appears whole or not at all. docs/operations.md tells how
    to go on from it.
    """
    from .ledger.backup import back_up  # noqa: PLC0415 - kept out of --help

    size = back_up(Places(folder).ledger, target, force=force)
    click.echo(f"{target}: {size / 1e6:,.1f} MB, checked.")


@main.command()
@folder_argument
def manifest(folder: Path) -> None:
    """Write manifest.parquet and manifest.csv of a run as it is now."""
    from .run.harvest import make_manifest  # noqa: PLC0415 - seconds of imports

    for path in make_manifest(Places(folder)):
        click.echo(path)


@main.command()
@folder_argument
@click.option(
    "--limit",
    default=200,
    show_default=True,
    type=AT_LEAST_ONE,
    help="Galaxies at most.",
)
def gallery(folder: Path, limit: int) -> None:
    """Make a page and a contact sheet of the stamps in FOLDER."""
    from .dataset.gallery.gallery import write_gallery  # noqa: PLC0415 - seconds of imports

    for path in write_gallery(folder, limit=limit):
        click.echo(path)


@main.command()
@json_flag
def archives(*, as_json: bool) -> None:
    """List the archives: how surveys are written, who is asked, what to acknowledge."""
    from .commands import list_archives  # noqa: PLC0415 - seconds of imports

    list_archives(as_json=as_json)


main.add_command(sandbox)


@main.command()
@click.option(
    "--out",
    default="harvester-demo",
    type=click.Path(path_type=Path),
    show_default=True,
)
@click.option("--keep-sandbox", is_flag=True, help="Leave the archives running.")
def demo(out: Path, *, keep_sandbox: bool) -> None:
    """Harvest 200 galaxies from stand-in archives: a data set in under a minute."""
    from .demo import run_demo  # noqa: PLC0415 - seconds of imports

    sys.exit(run_demo(out, keep_sandbox=keep_sandbox))

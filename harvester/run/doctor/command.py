"""The command ``harvester doctor``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ...settings.option_command import OfSettings

__all__ = ["doctor"]

#: File of the evidence, if the user names none.
_EVIDENCE = "doctor-evidence.json"


@click.command(cls=OfSettings, sections="ASKING")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file, such as harvest.toml; default: that of the run in DIR.",
)
@click.option(
    "--wait",
    "wait_s",
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Longest time that one request may take.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File for what was seen; default: {_EVIDENCE} in DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument(
    "folder",
    metavar="[DIR]",
    envvar="HARVESTER_RUN",
    default=".",
    type=click.Path(path_type=Path),
)
def doctor(
    folder: Path,
    *,
    config: Path | None,
    wait_s: float,
    evidence: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Examine this machine and the archives, and say what to do.

    DIR is the folder of a run, or where one shall be: its disk is tested, and a run's
    settings are used. Each archive of the surveys is asked for one product that is
    known, and what comes is compared with what harvester expects. What was seen is
    written to a file, to be sent in with a report; it has no secrets. Exit code 0: all
    is well; 3: an archive answers in another way; 5: a service is not reached; 6: this
    machine.
    """
    from ...places import Places
    from ...settings.options import to_settings
    from ...settings.settings import load_run_settings, load_settings
    from .evidence import evidence_of, write_evidence
    from .examine import examine
    from .findings import exit_code_of, in_words

    places, given = Places(folder), to_settings(flags)
    if places.settings.exists() and not config:
        settings = load_run_settings(places, **given)
    else:
        settings = load_settings(config, **given)
    found = examine(settings, folder, wait_s=wait_s)
    file = evidence or (folder if folder.is_dir() else Path()) / _EVIDENCE
    content = evidence_of(found.findings, found.asked)
    code = exit_code_of(found.findings)
    if as_json:
        click.echo(json.dumps({**content, "exit_code": code}))
    else:
        click.echo("\n".join(in_words(found.findings)))
    write_evidence(file, content)
    click.echo(f"What was seen is in {file}, which has no secrets.", err=True)
    sys.exit(code)

"""The command ``harvester publish``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

__all__ = ["publish"]

#: Exit code if what was reloaded is not what was sent.
_DIFFERS = 3


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--to",
    required=True,
    metavar="DESTINATION",
    help="hf://NAMESPACE/NAME[@BRANCH] or s3://BUCKET/PREFIX.",
)
@click.option(
    "--dry-run", is_flag=True, help="Audit, and print what would be sent. Send nothing."
)
@click.option(
    "--endpoint",
    default="",
    metavar="URL",
    help="Another hub or S3 store. Default: HF_ENDPOINT or AWS_ENDPOINT_URL, or else "
    "the official one.",
)
@click.option(
    "--private", is_flag=True, help="If the data set is new on a hub, make it private."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def publish(
    folder: Path,
    to: str,
    endpoint: str,
    *,
    dry_run: bool,
    private: bool,
    as_json: bool,
) -> None:
    """Publish the exported data set in DIR.

    It is audited first: all files are as the export wrote them, the card is complete,
    and nothing is private. Then the missing files are sent, and all are read back and
    compared. If this was interrupted, the same command continues it. Tokens come from
    the environment, or from the hub's own login. Exit code 3: what was read back
    differs.
    """
    from . import publish as publishing
    from .destination import parse_destination
    from .publish_progress import PublishProgress

    destination = parse_destination(to)
    if dry_run:
        plan = publishing.plan_publishing(folder, destination)
        click.echo(json.dumps(plan.to_json()) if as_json else plan.words())
        return
    done = publishing.publish(
        folder,
        destination,
        endpoint=endpoint,
        private=private,
        progress=PublishProgress(quiet=as_json),
    )
    click.echo(json.dumps(done.to_json()) if as_json else done.words())
    sys.exit(0 if done.is_same else _DIFFERS)

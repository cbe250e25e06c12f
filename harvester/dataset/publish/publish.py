"""Publishes a data set: audits it, sends what is missing, reloads and compares."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError, LocalError, PermanentError
from ..export.checksums import CHECKSUMS, read_checksums
from .audit import LAST, audit
from .publish_report import Published, SendingPlan
from .rate_limit import Pause
from .reload import reload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .destination import Destination
    from .publish_progress import PublishProgress
    from .remote import Remote, SentFile, Stored

__all__ = ["plan_publishing", "publish"]

#: Module that a destination needs.
_NEEDS = {"hf": "huggingface_hub", "s3": "obstore"}


def plan_publishing(folder: Path, destination: Destination) -> SendingPlan:
    """Audit a data set, and say what would be sent. No request is made.

    Raises
    ------
    InputError
        The audit has found something.
    """
    files = audit(folder)
    return SendingPlan(str(destination), tuple((one.name, one.size) for one in files))


def publish(
    folder: Path,
    destination: Destination,
    *,
    endpoint: str,
    private: bool,
    progress: PublishProgress,
) -> Published:
    """Publish a data set, or continue where an earlier call ended.

    Raises
    ------
    InputError
        The audit has found something, or you may not write to the destination.
    TransientError
        The destination cannot be reached. The same call continues.
    PermanentError
        The destination refuses a file.
    LocalError
        The disk is full.
    """
    try:
        files = audit(folder)
        remote = _remote(destination, endpoint, private=private, say=progress.say)
        return _published(remote, files, progress)
    except OSError as error:
        msg = f"{folder} cannot be read: {error.strerror or error}."
        raise LocalError(msg) from error


def _published(
    remote: Remote, files: Sequence[SentFile], progress: PublishProgress
) -> Published:
    remote.prepare()
    stored = remote.stored(files)
    missing = [file for file in files if file.name not in stored.same]
    earlier = _of_earlier(remote, stored, files)
    _send(remote, missing, earlier, progress)
    revisions = remote.pin(files)
    with progress.step("reloaded", files) as advance:
        reloaded = reload(remote, files, revisions, done=advance)
    pinned = set(revisions.values())
    return Published(
        address=remote.address,
        revision=pinned.pop() if len(pinned) == 1 else "",
        sent=len(missing),
        sent_bytes=sum(file.size for file in missing),
        kept=len(stored.same),
        removed=earlier,
        foreign=tuple(name for name in stored.others if name not in earlier),
        reloaded=reloaded,
    )


def _remote(
    destination: Destination,
    endpoint: str,
    *,
    private: bool,
    say: Callable[[str], None],
) -> Remote:
    needed = _NEEDS[destination.scheme]
    if find_spec(needed) is None:
        msg = (
            f"--to {destination} needs {needed}. Install it: "
            "pip install 'galaxy-harvester[publish]'"
        )
        raise InputError(msg)
    if destination.scheme == "s3":
        from .bucket import Bucket

        return Bucket(destination, endpoint=endpoint)
    from .hub import Hub

    return Hub(destination, endpoint=endpoint, private=private, pause=Pause(say))


def _of_earlier(
    remote: Remote, stored: Stored, files: Sequence[SentFile]
) -> tuple[str, ...]:
    """Give the files of an earlier edition: those that the list there has."""
    if not stored.others:
        return ()
    revision = remote.pin(files)[CHECKSUMS]
    with tempfile.TemporaryDirectory() as scratch:
        try:
            remote.fetch(CHECKSUMS, revision, Path(scratch) / CHECKSUMS)
            listed = read_checksums(Path(scratch))
        except (PermanentError, InputError):
            # There is no list: whoever put the files there, it was not this command.
            return ()
    return tuple(name for name in stored.others if name in listed)


def _send(
    remote: Remote,
    missing: Sequence[SentFile],
    earlier: Sequence[str],
    progress: PublishProgress,
) -> None:
    """Send the data, remove what is left of an earlier edition, then send the card.

    The list of files comes last: until then the earlier list tells, also after a kill,
    which files are of the earlier edition.
    """
    data = [file for file in missing if file.name not in LAST]
    with progress.step("sent", missing) as advance:
        if data:
            remote.send(data, advance)
        if earlier:
            remote.remove(earlier)
        if last := missing[len(data) :]:
            remote.send(last, advance)

"""A small disk for tests, which can be full or read-only.

It needs a mount namespace: the user must be root, or may use user namespaces. Only this
process and its children see the disk, and it ends with them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress

#: Environment variable that is set inside the mount namespace.
_OURS = "HARVESTER_TORTURE_MOUNTS"

#: Size of the disk. A harvest of some hundred galaxies needs half of it.
_MEGABYTES = 400


def enter_own_mounts():
    """Restart this program in a new mount namespace, if that is allowed."""
    words = words_of_own_mounts()
    if words and not mounts_are_ours():
        os.environ[_OURS] = "1"
        os.execvp(words[0], [*words, sys.executable, *sys.argv])


def words_of_own_mounts():
    """Give the words before a command that mounts something; None if not allowed."""
    if not shutil.which("unshare"):
        return None
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = ["unshare", *user, "--mount"]
    trial = [*words, "mount", "-t", "tmpfs", "none", "/mnt"]
    allowed = subprocess.run(trial, capture_output=True, check=False).returncode == 0
    return words if allowed else None


def mounts_are_ours():
    """Whether mounts are possible and invisible to other processes."""
    return _OURS in os.environ


def make_small(folder):
    """Mount a small disk at an empty folder."""
    _run("mount", "-t", "tmpfs", "-o", f"size={_MEGABYTES}m", "none", folder)


def remove_small(folder):
    """Unmount the small disk."""
    _run("umount", "--lazy", folder)


@contextmanager
def filled(folder):
    """Keep the disk of a folder full during the block; give a function to refill it."""
    filling = folder / "filling"

    def fill():
        with filling.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    fill()
    try:
        yield fill
    finally:
        filling.unlink()


@contextmanager
def read_only(folder):
    """Make a folder read-only for files opened from now on."""
    # Make it read-only at a second mount point, where no file is open for writing, and
    # mount that over the folder.
    with tempfile.TemporaryDirectory() as aside:
        _run("mount", "--bind", folder, aside)
        try:
            _run("mount", "-o", "remount,bind,ro", aside)
            _run("mount", "--bind", aside, folder)
        finally:
            _run("umount", "--lazy", aside)
    try:
        yield
    finally:
        _run("umount", "--lazy", folder)


def _run(*words):
    subprocess.run([str(word) for word in words], check=True)

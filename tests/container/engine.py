"""Builds and runs an image without a daemon: by buildah, podman and runc.

No registry is asked for the base: it is a small Debian, made once by debootstrap and
kept in the store, which is a folder outside the repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

#: The programs, each with the Debian package that has it.
PROGRAMS = {
    "buildah": "buildah",
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "debootstrap": "debootstrap",
}

IMAGE = "localhost/harvester:checked"
BASE = "localhost/harvester-base:bookworm"

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

#: The settings of compose.yaml as options. Memory and processes are those of a small
#: machine. Without the ulimits runc would try to raise those of its parent.
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false"),
    *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=256m"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--memory", "2g", "--pids-limit", "256"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
    *("--network", "host"),
)


def missing():
    """Give the packages of missing programs."""
    return sorted({p for name, p in PROGRAMS.items() if not shutil.which(name)})


def install(packages):
    """Install them by apt-get, which needs root."""
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
    subprocess.run([*command, *packages], check=True, stdout=subprocess.DEVNULL)


class Engine:
    """Builds and runs in a store of its own."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._store = [
            *("--root", str(self._folder / "store")),
            *("--runroot", str(self._folder / "run")),
            *("--storage-driver", "overlay"),
        ]

    def make_base(self):
        """Make the base image of the Dockerfile, unless it exists."""
        if self._buildah("images", "-q", BASE, check=False).stdout:
            return
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            root = Path(folder, "root")
            _debootstrap(root)
            container = self._buildah("from", "scratch").stdout.strip()
            self._buildah("copy", "-q", container, str(root), "/")
            self._buildah("commit", "-q", "--rm", container, BASE)

    def build(self, repository):
        """Build the image from the repository's Dockerfile."""
        self._buildah(
            *("bud", "--layers", "--format", "docker", "--isolation", "chroot"),
            *self._certificates(),
            *("--build-arg", f"BASE={BASE}", "--tag", IMAGE, str(repository)),
        )

    def _certificates(self):
        # If this machine uses its own certificate for the package index, pip needs it
        # too. It is mounted for the build only, so it is not part of the image.
        if not _CERTIFICATES.exists():
            return []
        settings = self._folder / "pip.conf"
        settings.write_text(f"[global]\ncert = {_CERTIFICATES}\n")
        return [
            *("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"),
            *("--volume", f"{settings}:/etc/pip.conf:ro"),
        ]

    def inspect(self):
        """Give the metadata of the image."""
        return json.loads(self.podman("image", "inspect", IMAGE).stdout)[0]

    def run(self, *words, options=()):
        """Run a hardened container to its end; give the completed process."""
        return self.podman("run", "--rm", *HARDENED, *options, IMAGE, *words)

    def shell(self, script):
        """Run a script instead of the entry point."""
        return self.run("-c", script, options=["--entrypoint", "sh"])

    @contextmanager
    def container(self, *options):
        """Create a container for the block without starting it; give its name."""
        name = f"harvester-{os.getpid()}-{os.urandom(3).hex()}"
        create = self.podman(
            *("create", "--name", name, *HARDENED, *options),
            *("--volume", f"{name}:/data", IMAGE),
        )
        assert create.returncode == 0, create.stderr
        try:
            yield name
        finally:
            self.podman("rm", "--force", "--time", "0", name)
            self.podman("volume", "rm", "--force", name)

    def exit_code(self, name):
        """Give the exit code of a container that has ended."""
        words = ("inspect", "--format", "{{.State.ExitCode}}", name)
        return int(self.podman(*words).stdout)

    def podman(self, *words):
        """Give the completed process of a podman command."""
        manners = ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]
        manners += ["--events-backend", "none"]
        return subprocess.run(
            ["podman", *self._store, *manners, *words],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _buildah(self, *words, check=True):
        done = subprocess.run(
            ["buildah", *self._store, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done


def _debootstrap(root):
    python = "python3,python3-venv,ca-certificates"
    command = ["debootstrap", "--variant=minbase", f"--include={python}", "bookworm"]
    subprocess.run([*command, str(root)], check=True, stdout=subprocess.DEVNULL)
    for package in root.glob("var/cache/apt/archives/*.deb"):
        package.unlink()
    shutil.rmtree(root / "var/lib/apt/lists")

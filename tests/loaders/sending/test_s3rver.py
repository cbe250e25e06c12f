"""A second opinion: s3rver, a store of another author, in Node.

It keeps objects in files, so that one which is started again still has them, but writes
them in place: a kill may leave a part of one. It knows neither If-None-Match nor
If-Match, so each object is looked up before it is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import service
from s3_servers import BUCKET, serving
from to_store import ToStore, stamps_on_disk

_LOCK = Path(__file__).with_name("s3rver")


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Install s3rver as the lock names it; give its program."""
    if not (shutil.which("node") and shutil.which("npm")):
        reason = "s3rver needs node and npm"
        if os.environ.get("HARVESTER_REQUIRE_S3RVER"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("s3rver")
    for path in _LOCK.iterdir():
        shutil.copy(path, folder)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(
        ["npm", "ci", *quiet], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "node_modules" / "s3rver" / "bin" / "s3rver.js"


@pytest.fixture
def to_s3rver(program, archives, tmp_path):
    """Give harvests into s3rver's store."""
    data = tmp_path / "objects"
    where = ("-d", data, "-a", "127.0.0.1", "-p", "{port}")
    command = ["node", program, *where, "--configure-bucket", BUCKET]
    with serving(command, tmp_path) as server:
        yield ToStore(server, archives, tmp_path)


def test_killed_s3rver(to_s3rver, on_disk):
    """After kill -9 of it, and of the harvester, the bytes are those on disk."""
    process = to_s3rver.start()
    to_s3rver.wait_for_stamps(8, process)
    to_s3rver.server.kill()
    to_s3rver.server.start()
    to_s3rver.wait_for_stamps(24, process)
    service.kill_group(process)
    done = to_s3rver.command("resume", to_s3rver.work)
    assert done.returncode == 0, done.stderr
    assert "each object is looked up first" in done.stdout
    assert to_s3rver.stamps() == stamps_on_disk(on_disk)
    found = to_s3rver.command("verify", to_s3rver.url, "--deep")
    assert found.returncode == 0, found.stdout + found.stderr

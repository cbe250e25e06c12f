"""Stores that speak S3, in processes of their own on loopback, which can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

BUCKET = "galaxies"

#: Keys that both servers take.
KEYS = {
    "AWS_ACCESS_KEY_ID": "S3RVER",
    "AWS_SECRET_ACCESS_KEY": "S3RVER",
    "AWS_REGION": "us-east-1",
}


class Server:
    """A server of a command; it listens on the same port after each start."""

    def __init__(self, command, folder):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            self.port = held.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [str(word).format(port=self.port) for word in command]
        self._log = folder / "server.log"
        self._process = None

    @property
    def environment(self):
        """Give the variables that lead a harvest to it."""
        return {"AWS_ENDPOINT_URL": self.url, **KEYS}

    def start(self):
        """Start it; return when it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def kill(self):
        """Kill it and its children at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def client(self):
        """Give Amazon's own client."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def names(self, prefix):
        """Give the names of all objects below a prefix."""
        pages = self.client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        found = [one["Key"] for page in listed for one in page.get("Contents", [])]
        return [name.removeprefix(f"{prefix}/") for name in found]

    def contents(self, prefix):
        """Give name and bytes of all objects below a prefix."""
        client = self.client()
        return {
            name: client.get_object(Bucket=BUCKET, Key=f"{prefix}/{name}")[
                "Body"
            ].read()
            for name in self.names(prefix)
        }

    def stamps(self, prefix):
        """Give name and bytes of the stamps below a prefix."""
        known = self.contents(prefix).items()
        return {name: one for name, one in known if name.startswith("cutouts/")}

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def serving(command, folder):
    """Serve during the block."""
    server = Server(command, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def moto(delay_s=0.0):
    """Give the command of moto's server, which waits before each write."""
    program = Path(__file__).with_name("moto_with_bucket.py")
    return [sys.executable, program, "{port}", delay_s]

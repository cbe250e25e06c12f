"""A bucket of Hugging Face is addressed as its S3 gateway wants it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harvester.dataset.object_store.address import StoreAddress
from harvester.dataset.object_store.objects import Objects
from harvester.errors import InputError


class _Gateway(BaseHTTPRequestHandler):
    """Notes the requests, and lets nobody write."""

    def do_PUT(self):
        """Refuse a write."""
        self.server.asked.append((self.path, dict(self.headers)))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words):
        """Print nothing."""


@pytest.fixture
def gateway():
    """Serve a gateway on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_path_style(gateway, monkeypatch):
    """The namespace comes before the bucket, and no further checksums are sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "HFAK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    address = StoreAddress.parse("hf://buckets/me/zoo/runs/one")
    url = f"http://127.0.0.1:{gateway.server_port}"
    with pytest.raises(InputError, match=r"not let you write\. Set AWS_ACCESS_KEY"):
        await Objects.open(address, endpoint=url)
    path, headers = gateway.asked[0]
    assert path.startswith("/me/zoo/runs/one/harvester-probe-")
    assert "/us-east-1/s3/" in headers["authorization"]
    assert not [name for name in headers if "checksum" in name.lower()]

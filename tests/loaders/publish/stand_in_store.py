"""A store of S3 on loopback: moto's, with a layer that counts and plans faults."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager

from moto.backends import get_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

BUCKET = "galaxies"

#: The keys that moto takes; it checks none.
KEYS = {
    "AWS_ACCESS_KEY_ID": "standinkey",
    "AWS_SECRET_ACCESS_KEY": "standinsecret",
    "AWS_REGION": "us-east-1",
}


class StandInStore:
    """A WSGI application around moto's."""

    def __init__(self):
        self.url = ""
        #: How often each path was written.
        self.written = Counter()
        #: Status of the answers to come to writes; none: moto answers.
        self.refusals = []
        #: The write that is held until `release`, counted from 0.
        self.held = None
        self.arrived, self.release = threading.Event(), threading.Event()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        """Answer a request."""
        if environ["REQUEST_METHOD"] == "PUT":
            if sum(self.written.values()) == self.held:
                self.arrived.set()
                self.release.wait(60)
                return Response(status=500)(environ, start_response)
            if self.refusals:
                status = self.refusals.pop(0)
                environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                return Response(status=status)(environ, start_response)
            self.written[environ["PATH_INFO"]] += 1
        return self._moto(environ, start_response)


@contextmanager
def serving():
    """Serve an empty store on a free port of loopback, in a thread of its own."""
    # Moto keeps what it holds in this process, also for the next server.
    get_backend("s3").reset()
    store = StandInStore()
    server = make_server("127.0.0.1", 0, store, threaded=True)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        store.release.set()
        server.shutdown()
        thread.join()
        server.server_close()

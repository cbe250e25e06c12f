"""Moto's store with an empty bucket, as a program: PORT [SECONDS before each write].

It keeps all in memory, so that one which is started again has lost everything.
"""

from __future__ import annotations

import logging
import sys
import time

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server


def main():
    """Serve."""
    port, delay_s = int(sys.argv[1]), float((*sys.argv[2:], "0")[0])
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].create_bucket("galaxies", "us-east-1")
    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ, start_response):
        if environ["REQUEST_METHOD"] == "PUT":
            time.sleep(delay_s)
        return moto(environ, start_response)

    make_server("127.0.0.1", port, answer, threaded=True).serve_forever()


if __name__ == "__main__":
    main()

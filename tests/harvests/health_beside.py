"""Judge the health of a run again and again, by the fast clock.

``python tests/harvests/health_beside.py RUN FILE MINUTES`` adds a line to FILE five
times a second: the time, whether the run is healthy, and why. It ends with its
standard input.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

from fast_clock import FastClock

#: Seconds of the machine's clock between two looks.
_EVERY_S = 0.2


def main():
    """Look until the standard input ends."""
    FastClock.of_environment().install()
    from harvester.errors import HarvesterError
    from harvester.places import Places
    from harvester.status.health import Health, read_health

    run, file, minutes = sys.argv[1:]
    with Path(file).open("a", encoding="utf-8") as log:
        while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
            at = time.time()
            try:
                found = read_health(Places(Path(run)), 60 * float(minutes), at)
            except HarvesterError as error:
                found = Health(is_healthy=False, words=str(error))
            log.write(json.dumps({"at": at, **found.to_json()}) + "\n")
            log.flush()


if __name__ == "__main__":
    main()

#!/bin/sh
# Healthy: the ledger answers. Before there is one the catalogue is being read; that
# the process is alive is all that can be asked then, and the engine sees to it.
set -eu
if [ -e "$HARVESTER_RUN/ledger.sqlite" ]; then
    exec harvester status --json "$HARVESTER_RUN" >/dev/null
fi

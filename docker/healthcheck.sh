#!/bin/sh
# Healthy: the harvest works, or waits for a good reason, or has nothing left to do.
# `harvester health` says which. Engines know only 0 and 1.
set -eu
harvester health --stalled-after "${HARVESTER_STALLED_AFTER:-15}" "$HARVESTER_RUN" ||
    exit 1

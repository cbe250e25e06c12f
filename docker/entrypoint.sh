#!/bin/sh
# What the container does: what it is told, else it begins the harvest or goes on.
#
#   HARVESTER_RUN        folder of the run
#   HARVESTER_CATALOGUE  the catalogue; the run may have begun with another one, or with
#                        fewer rows: new galaxies are added, what is doubtful is refused
#   HARVESTER_WATCH      1: stay when all is settled, and take what is new
#
# It ends in `exec`, so that the harvester itself gets the signals. A run in which
# nothing is left to do ends with 0 even if galaxies were given up (exit code 3 the
# first time): `restart: on-failure` would start it again and again to no avail.
set -eu
# Process 1 ignores every signal that it does not trap.
trap 'exit 143' TERM
trap 'exit 130' INT

if [ "$#" -gt 0 ]; then
    exec harvester "$@"
fi

case ${HARVESTER_WATCH:-0} in
0 | f | false | n | no | off) watches= ;;
*) watches=1 ;;
esac

if [ -e "$HARVESTER_RUN/ledger.sqlite" ]; then
    report=$(harvester status --json "$HARVESTER_RUN")
    catalogue=${HARVESTER_CATALOGUE:-}
    # The run can do without its own catalogue, and a run that watches takes new rows
    # of it by itself. Any other catalogue is added now, or the container ends.
    case $report in
    *"\"catalogue\": \"$catalogue\""*)
        if [ -n "$watches" ] || [ ! -e "$catalogue" ]; then catalogue=; fi
        ;;
    esac
    if [ -n "$catalogue" ]; then
        harvester extend "$HARVESTER_RUN" "$catalogue"
        report=$(harvester status --json "$HARVESTER_RUN")
    fi
    if [ -n "$watches" ]; then
        exec harvester resume "$HARVESTER_RUN"
    fi
    case $report in
    *'"pending": '[1-9]* | *'"located": '[1-9]*)
        exec harvester resume "$HARVESTER_RUN"
        ;;
    esac
    echo "Nothing is left to do in $HARVESTER_RUN; only its manifest is written."
    harvester status "$HARVESTER_RUN"
    exec harvester manifest "$HARVESTER_RUN"
fi

if [ -z "${HARVESTER_CATALOGUE:-}" ]; then
    echo "There is no harvest in $HARVESTER_RUN yet. Name the catalogue of a new one" \
        "in HARVESTER_CATALOGUE, or give a command, such as --help." >&2
    exit 2
fi
exec harvester run "$HARVESTER_CATALOGUE" --out "$HARVESTER_RUN"

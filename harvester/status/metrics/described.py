"""The names, kinds, labels and descriptions of all metrics of a run.

Each has the label ``run`` as well: node-exporter refuses a series that is in two files.

Units are base units: seconds and bytes. Every label has few values: surveys, bands,
archives, hosts, states and codes of reasons, never a galaxy, a file or an address.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COUNTERS", "GAUGES", "Described"]


class Described(NamedTuple):
    """What a metric tells, and its labels beside ``run``."""

    text: str
    labels: tuple[str, ...] = ()


#: What can go up and down.
GAUGES = {
    "harvester_build_info": Described(
        "1; the versions that read the run are labels.", ("version", "python")
    ),
    "harvester_ledger_readable": Described("Whether the ledger could be read."),
    "harvester_read_timestamp_seconds": Described("When these metrics were read."),
    "harvester_healthy": Described("Whether `harvester health` ends with 0."),
    "harvester_run_state": Described(
        "1 for the state of the run, 0 for the others.", ("state",)
    ),
    "harvester_start_timestamp_seconds": Described(
        "When the harvest that works on the run began."
    ),
    "harvester_report_timestamp_seconds": Described(
        "When the harvest last wrote about itself into the ledger."
    ),
    "harvester_progress_timestamp_seconds": Described(
        "When a job last changed its state or a stamp was written."
    ),
    "harvester_heard_timestamp_seconds": Described(
        "When the last byte of an archive came."
    ),
    "harvester_eta_seconds": Described(
        "Time until the harvest is done; absent while that is not known."
    ),
    "harvester_limit": Described(
        "1 for what limits the work on an archive.", ("archive", "limit", "host")
    ),
    "harvester_cutting_frames": Described("Frames being cut or waiting for it."),
    "harvester_cutting_processes": Described("Processes that cut frames."),
    "harvester_catalogue_targets": Described("Galaxies of the catalogue."),
    "harvester_catalogue_rejected_rows": Described(
        "Rows of the catalogue that were not taken."
    ),
    "harvester_targets": Described(
        "Galaxies of each band by state.", ("survey", "band", "state")
    ),
    "harvester_stamps": Described("Stamps on the disk."),
    "harvester_substitute_stamps": Described("Stamps that are not of the best image."),
    "harvester_failed_jobs": Described(
        "Jobs that were given up, by reason; rare reasons count as `other`.",
        ("archive", "reason"),
    ),
    "harvester_billed_requests": Described(
        "Requests that the bill expects in all.", ("host",)
    ),
    "harvester_billed_bytes": Described(
        "Bytes that the bill expects in all.", ("host",)
    ),
    "harvester_host_state": Described(
        "1 for the state of the host, 0 for the others.", ("host", "state")
    ),
    "harvester_host_requests_in_flight": Described(
        "Requests under way.", ("host", "kind")
    ),
    "harvester_host_requests_in_flight_limit": Described(
        "Requests that may be under way now.", ("host", "kind")
    ),
    "harvester_host_requests_waiting": Described(
        "Requests that wait for their turn.", ("host",)
    ),
    "harvester_host_allowed_requests_per_second": Described(
        "Rate that is allowed now.", ("host",)
    ),
    "harvester_host_cool_down_seconds": Described(
        "Time until the cool-down of the host ends; 0: it has none.", ("host",)
    ),
    "harvester_host_silent_seconds": Described(
        "How long the requests under way have brought no byte.", ("host",)
    ),
    "harvester_host_latency_seconds": Described(
        "Time to the first byte of a file, as measured last.", ("host",)
    ),
    "harvester_host_bandwidth_bytes_per_second": Described(
        "Bandwidth over all connections, as measured last.", ("host",)
    ),
    "harvester_disk_free_bytes": Described("Free space where the run is."),
    "harvester_disk_size_bytes": Described("Size of that file system."),
}

#: What only goes up, over all harvests of the run.
COUNTERS = {
    "harvester_requests_total": Described("Requests sent.", ("host",)),
    "harvester_received_bytes_total": Described("Bytes received.", ("host",)),
    "harvester_frames_fetched_total": Described("Frames fetched.", ("survey",)),
    "harvester_image_fetched_bytes_total": Described(
        "Bytes fetched of frames.", ("survey",)
    ),
    "harvester_image_needed_bytes_total": Described(
        "Bytes of those that the stamps needed.", ("survey",)
    ),
}

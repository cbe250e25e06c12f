"""Metrics of runs for Prometheus: over HTTP, and as a file for node-exporter.

They are made of the facts that `harvester status` prints, and of nothing else but the
free space of the disk. It may import what reads a run, never ``run`` or the page.
"""

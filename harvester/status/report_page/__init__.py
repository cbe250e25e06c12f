"""The report of a run: one HTML file that needs nothing else, also no script.

It reads the ledger and the stamps, as the status page does, and takes its style from
there. It may import what reads a run, never ``run``.
"""

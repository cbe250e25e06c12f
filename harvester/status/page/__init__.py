"""The status page: what a browser shows of runs, served on this machine.

It reads ledgers and stamps and writes nothing. It may import what reads a run, never
``run``: no button of the page can reach a harvest.
"""

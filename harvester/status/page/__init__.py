"""The status page: what a browser shows of runs, served on this machine.

It reads ledgers and stamps and writes nothing. It may import what reads a run, never
``run``: its buttons, if they are allowed, send what `harvester ctl` sends.
"""

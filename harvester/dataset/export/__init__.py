"""Exports: a run becomes a data set that other programs load.

``command`` is ``harvester export``, ``export`` the order of its steps. ``selection/``
decides which galaxies and stamps are exported, ``contents/`` makes of them what files
hold, ``formats/`` has a module for each format, whose seam is ``kind``, and ``card/``
writes what README.md says. ``pieces`` are files that survive a kill. These modules may
import the ledger, the data set and plain facts; no format imports another one.
"""

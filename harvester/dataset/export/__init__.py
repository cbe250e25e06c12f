"""Exports: a run becomes a data set that other programs load.

``kind`` is the seam of formats, ``formats/`` has a module for each format, ``command``
is ``harvester export``. What all formats share is here: which galaxies and stamps are
exported, their order, their splits, and files that survive a kill. These modules may
import the ledger, the data set and plain facts; no format imports another one.
"""

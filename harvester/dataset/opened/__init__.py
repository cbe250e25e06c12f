"""A data set as Python sees it: ``harvester.open`` with its galaxies and stamps.

These modules may import the other parts of the data set, the ledger and plain facts.
"""

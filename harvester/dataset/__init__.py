"""The data set: stamps on disk, manifest, verification and gallery.

These modules may import the ledger, the cutouts and plain facts.
"""

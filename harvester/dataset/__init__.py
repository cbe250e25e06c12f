"""The data set: stamps on disk, manifest, verification and gallery.

May import the ledger, the cutouts and plain facts.
"""

"""The archives, one folder each, and the code that they share.

Everything special to an archive is in its folder: how its surveys are written, which
services it has, how its galaxies are located. These modules may import the transport,
the ledger, the catalogue, the sky and plain facts.
"""

"""The archives, one folder each, and what they have in common.

Everything that is special to an archive lies in its folder: how its surveys are
written, which services it has, how galaxies are located. May import the transport,
the ledger, the catalogue, the sky and plain facts.
"""

"""Rows of a compressed frame from a few of its blocks, with a proof of their place.

Nothing here fetches or writes. `steps` tells which bytes of the file are needed next,
until the rows are proved or doubtful; it runs in worker processes. What is special to
an archive is its `BlockLaw`.
"""

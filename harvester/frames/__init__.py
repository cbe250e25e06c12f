"""Frames on disk: fetched once, whole, by their beginning or by ranges, and shared.

May import the transport, the cutouts (which pixels a stamp needs) and plain facts.
"""

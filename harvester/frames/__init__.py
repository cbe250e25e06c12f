"""Frames on disk: fetched once (whole, the beginning, or by ranges) and shared.

These modules may import the transport, the cutouts (which pixels a stamp needs) and
plain facts.
"""

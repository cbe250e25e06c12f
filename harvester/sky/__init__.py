"""Geometry on the sphere, and the choice of the best image of a position.

These modules may import plain facts only.
"""

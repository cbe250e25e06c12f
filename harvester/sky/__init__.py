"""Geometry on the sphere, and the choice of the best image of a position.

May import plain facts only.
"""

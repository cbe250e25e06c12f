"""Where frames are cut: each module is one kind of `concurrent.futures` executor.

May import the cutouts and plain facts.
"""

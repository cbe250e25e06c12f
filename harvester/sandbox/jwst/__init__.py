"""JWST at MAST: observations of the synthetic sky, their rows, mosaics and files.

Nothing here is served unless a sky was made with ``jwst``.
"""

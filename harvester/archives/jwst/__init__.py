"""JWST images from MAST and from the public bucket of its files."""

"""What differs between two data sets: by galaxy, and by pixel.

It may read manifests and stamps, and writes nothing.
"""

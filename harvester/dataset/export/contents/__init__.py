"""What formats write of a selection: columns, arrays, pictures, bytes and file names.

Each module serves several formats and imports none of them. It may import the
selection; it writes no files.
"""

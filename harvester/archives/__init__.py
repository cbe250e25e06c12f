"""The archives, one module each, behind one protocol."""

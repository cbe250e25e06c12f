"""Pixels around targets out of a frame; what runs inside a process of the pool."""

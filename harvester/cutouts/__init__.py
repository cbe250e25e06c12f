"""Cutting: reads the pixels around targets in a frame and writes stamp files.

This code runs in the worker processes. It may import `errors`, `models` and
`importing`; it never reaches the network, the ledger or the event loop.
"""

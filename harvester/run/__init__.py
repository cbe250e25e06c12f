"""The run: opens everything from the settings, and walks each job to its end.

May import every folder but the command line's modules and the sandbox.
"""

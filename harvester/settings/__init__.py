"""Settings: what a user may choose, from defaults, file, environment and options.

Only the command line and the composition root see the whole of them.
"""

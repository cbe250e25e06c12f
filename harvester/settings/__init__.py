"""Settings: read from defaults, a file, the environment and options.

Only the command line and `harvester.run` use the whole `Settings`; other parts get the
values that they need. May import the records and errors at the top, the kinds of
archives, and the quiet hours of the transport.
"""

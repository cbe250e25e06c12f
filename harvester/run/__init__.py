"""The run: opens all parts from the settings and works on each job to its end.

May import all folders, except the modules of the command line and the sandbox.
"""

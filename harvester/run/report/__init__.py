"""``harvester report``: the command, and which settings differ from the defaults.

The file itself is made in ``status/report_page``, which may not read settings.
"""

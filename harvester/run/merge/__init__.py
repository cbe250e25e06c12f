"""``harvester merge``: one run of the parts into which ``run/split`` has cut it."""

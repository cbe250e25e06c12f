"""Stand-in archives on loopback. They share no code with the harvester."""

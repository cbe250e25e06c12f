"""Stand-in archives on loopback; they share no code with the harvester."""

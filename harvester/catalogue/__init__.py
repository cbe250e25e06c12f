"""The catalogue: any table of galaxies, read into targets, labels and rejects."""

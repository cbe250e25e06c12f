"""``python -m harvester`` is the command ``harvester``."""

from .cli import console

if __name__ == "__main__":
    console()

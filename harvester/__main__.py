"""``python -m harvester`` is the command ``harvester``."""

from .cli import main

if __name__ == "__main__":
    main()

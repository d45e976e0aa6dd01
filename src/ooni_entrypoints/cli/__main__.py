"""``python -m ooni_entrypoints.cli`` is ``ooni``."""

from ooni_entrypoints.cli import main

if __name__ == "__main__":
    main()

"""The transparency log, alone."""

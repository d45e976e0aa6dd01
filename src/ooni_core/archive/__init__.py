"""Finding a body wherever it is now."""

from ooni_core.archive.service import Archive

__all__ = ["Archive"]

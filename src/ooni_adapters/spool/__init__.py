"""Where accepted measurements wait for their publication."""

from ooni_adapters.spool.folder import FolderSpool
from ooni_adapters.spool.memory import MemorySpool

__all__ = ["FolderSpool", "MemorySpool"]

"""Published files by key: a local folder, memory, or S3."""

from ooni_adapters.objectstore.opening import open_object_store

__all__ = ["open_object_store"]

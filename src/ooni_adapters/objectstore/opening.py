"""Choosing an object store by its URL."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ooni_adapters.objectstore.folder import FolderObjects
from ooni_adapters.objectstore.memory import memory_objects
from ooni_core.errors import Invalid
from ooni_core.publication.ports import ObjectStore


def open_object_store(url: str, **options: Any) -> ObjectStore:
    """Open the store that *url* names.

    Args:
        url: ``file:///folder``, ``memory://`` (one store per name and process) or ``s3://bucket/prefix``.
        options: for S3 only, see ``s3_objects``: ``endpoint``, ``key``, ``secret``, ``profile``, ``anonymous``,
            ``region``, ``timeout``, ``attempts``.

    Raises:
        Invalid: the URL names no store, or an option is not known.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.path.startswith("/") and parts.netloc in {"", "localhost"}:
            _refuse_options(url, options)
            return FolderObjects(Path(unquote(parts.path)))
        case "memory":
            _refuse_options(url, options)
            return memory_objects(f"{parts.netloc}{parts.path}")
        case "s3" if parts.netloc:
            return _s3(parts.netloc, parts.path, options)
    raise Invalid(f"{url!r} is not an object store: expected file:///folder, memory:// or s3://bucket/prefix")


def _s3(bucket: str, path: str, options: dict[str, Any]) -> ObjectStore:
    try:
        from ooni_adapters.objectstore.s3 import s3_objects
    except ImportError as exc:
        raise Invalid("s3:// needs the extra: pip install 'ooni-backend[s3]'") from exc
    try:
        return s3_objects(bucket, path.strip("/"), **options)
    except TypeError as exc:
        raise Invalid(f"s3://{bucket}: {exc}") from exc


def _refuse_options(url: str, options: dict[str, Any]) -> None:
    if any(options.values()):
        raise Invalid(f"{url} takes no options, got {', '.join(sorted(options))}")

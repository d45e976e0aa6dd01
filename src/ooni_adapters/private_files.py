"""Files of secrets: readable by their owner only, there whole or not at all."""

import os
import uuid
from pathlib import Path


def create_private_file(path: Path, text: str) -> None:
    """Write a new file with mode 0600 and make it durable: a lost key cannot be made again.

    The file gets its name only when it is whole, so that another process never reads the beginning of a key.

    Args:
        path: where; missing folders are made.
        text: what to write, as UTF-8.

    Raises:
        FileExistsError: the name is taken; that file stays as it is.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # fails when the name is taken, unlike rename
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Secrets that an installation makes for itself and keeps."""

import contextlib
import secrets
from pathlib import Path

from ooni_adapters.private_files import create_private_file
from ooni_core.errors import Unavailable


def kept_secret(file: Path) -> str:
    """Return the secret in *file*, made on the first call. Only the owner can read the file.

    Raises:
        Unavailable: the file can be neither read nor made.
    """
    try:
        if not file.exists():
            with contextlib.suppress(FileExistsError):  # another process has just made it
                create_private_file(file, secrets.token_hex(32))
        return file.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise Unavailable(f"the secret in {file} can be neither read nor made: {exc.strerror}") from exc

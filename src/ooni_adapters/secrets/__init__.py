"""Secrets that an installation makes for itself and keeps."""

import os
import secrets
from pathlib import Path

from ooni_core.errors import Unavailable


def kept_secret(file: Path) -> str:
    """Return the secret in *file*, made on the first call. Only the owner can read the file.

    Raises:
        Unavailable: the file can be neither read nor made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return file.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            made = secrets.token_hex(32)
            opened.write(made)
            return made
    except OSError as exc:
        raise Unavailable(f"the secret in {file} can be neither read nor made: {exc.strerror}") from exc

"""What the transparency log needs from the outside world."""

from collections.abc import Sequence
from typing import Protocol


class Signer(Protocol):
    """Holds a private Ed25519 key and signs with it."""

    @property
    def name(self) -> str:
        """Name under which this key signs; for the log's own key it is the log's origin."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*: 64 bytes, the same each time."""


class SignatureCheck(Protocol):
    """Checks Ed25519 signatures."""

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether *signature* is the one of *message* by *public_key* (32 bytes)."""


class LogReader(Protocol):
    """Reads the files of a log by their path below the log's prefix."""

    def read(self, path: str) -> bytes | None:
        """Return the file, or None when there is none.

        Raises:
            Unavailable: the medium failed.
        """


class LogStorage(LogReader, Protocol):
    """Keeps the files of a log. Every file but the checkpoint is written once and never changed."""

    def add(self, path: str, content: bytes) -> None:
        """Keep *content* under *path*. Adding equal bytes again does nothing.

        Raises:
            Conflict: other bytes are there already; nothing was changed. Of two callers that add different bytes at
                the same time, exactly one gets this.
            Unavailable: the medium failed; the file may be there or not, never half of it.
        """

    def point(self, path: str, content: bytes) -> None:
        """Keep *content* under *path*, in place of what was there. A reader sees the old file or the new one.

        Raises:
            Unavailable: the medium failed; the file is the old one or the new one.
        """

    def names(self, folder: str) -> Sequence[str]:
        """Return the paths below *folder*, sorted. Very recent ones may be missing.

        Raises:
            Unavailable: the medium failed.
        """

    def remove(self, path: str) -> None:
        """Forget the file; one that is not there is ignored.

        Raises:
            Unavailable: the medium failed.
        """

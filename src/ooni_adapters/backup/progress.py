"""Telling how far a backup has come."""

import attrs


@attrs.frozen
class Progress:
    """One part is done.

    Attributes:
        what: table and chunk, or name of the file.
        rows: rows in it.
        bytes: bytes moved for it; 0 when it had not changed.
    """

    what: str
    rows: int
    bytes: int


def silent(progress: Progress) -> None:
    """Nobody watches."""

"""What OONI Run links need from outside."""

from collections.abc import Sequence
from typing import Protocol

from ooni_core.oonirun.model import LinkVersion


class LinkStore(Protocol):
    """Remembers all versions of all links."""

    def versions(self, link_ids: Sequence[int] | None = None) -> Sequence[LinkVersion]:
        """Return the versions of these links, or of all; by creation of their descriptor, then translation, then link.

        Raises:
            Unavailable: the medium failed.
        """

    def add(self, version: LinkVersion, after: LinkVersion | None) -> None:
        """Remember another version of a link. It takes the place of the one with the same descriptor's creation time.

        Args:
            version: the new version.
            after: what is known as the latest version of the link; None for a new link.

        Raises:
            Conflict: *after* is not the latest version, or the link exists already; nothing was changed.
            Unavailable: the medium failed; it is remembered or not.
        """

    def archive(self, link_id: int) -> None:
        """Mark every version of a link as archived. Doing it again, or to no link, does nothing.

        Raises:
            Unavailable: the medium failed; doing it again is safe.
        """

    def first_free(self, start: int) -> int:
        """Return the lowest id from *start* on that no link has.

        Raises:
            Unavailable: the medium failed.
        """

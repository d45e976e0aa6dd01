"""A link with its numbered revisions: each is one list of nettests, and what is said about them is the latest."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ooni_core.errors import NotFound
from ooni_core.oonirun.model import MAX_LINK_ID, LinkVersion
from ooni_core.oonirun.nettests import Nettest, nettests_of

FIRST_LINK_ID = 10_000
"""Lower ids are kept for links of the project itself."""

LATEST = "latest"
NO_LINK = "OONI Run link not found"
NEVER = datetime(2105, 12, 31, 23, 59, 59, tzinfo=UTC)
"""When links end that have no end: the last day that every engine can store."""


@attrs.frozen
class Revision:
    """One list of nettests.

    Attributes:
        number: from 1.
        created: aware (UTC).
    """

    number: int
    created: datetime
    nettests: tuple[Nettest, ...]


@attrs.frozen
class RunLink:
    """A link at one moment.

    Attributes:
        versions: at least one, the oldest first.
        now: the moment (aware, UTC).
    """

    versions: tuple[LinkVersion, ...] = attrs.field(validator=attrs.validators.min_len(1))
    now: datetime

    @property
    def latest(self) -> LinkVersion:
        """The version that holds."""
        return self.versions[-1]

    @property
    def words(self) -> Mapping[str, Any]:
        """What is said about it now, in all languages."""
        return self.latest.descriptor

    @property
    def created(self) -> datetime:
        """When it was made (aware, UTC)."""
        return self.versions[0].descriptor_creation_time

    @property
    def updated(self) -> datetime:
        """When it was changed last (aware, UTC)."""
        return self.latest.translation_creation_time

    @property
    def has_ended(self) -> bool:
        """Say whether probes must not run it any more."""
        return self.latest.has_ended(self.now)

    @property
    def end(self) -> datetime:
        """When it ends or ended (aware, UTC). When it was archived is not known: its last change was before."""
        expires = self.latest.expires or NEVER
        return min(expires, self.updated) if self.latest.archived else expires

    @property
    def revisions(self) -> range:
        """The numbers of its revisions."""
        return range(1, len(self.versions) + 1)

    def revision(self, wanted: str = LATEST) -> Revision:
        """Return one revision.

        Args:
            wanted: its number, or ``latest``.

        Raises:
            NotFound: there is none.
        """
        number = len(self.versions) if wanted == LATEST else _number(wanted)
        if number not in self.revisions:
            raise NotFound(f"OONI Run link has no revision {wanted[:20]}")
        version = self.versions[number - 1]
        return Revision(number, version.descriptor_creation_time, nettests_of(version.descriptor))


def _number(digits: str) -> int:
    return int(digits) if len(digits) < len(str(MAX_LINK_ID)) else 0


def read_link_id(text: str) -> int:
    """Read the id of a link.

    Raises:
        NotFound: no link has such an id.
    """
    if not (text.isascii() and text.isdigit() and (number := _number(text))):
        raise NotFound(NO_LINK)
    return number


def links_of(versions: Iterable[LinkVersion], now: datetime) -> list[RunLink]:
    """Put versions, the oldest of each link first, together; the link that was made last comes first."""
    by_id: dict[int, list[LinkVersion]] = {}
    for version in versions:
        by_id.setdefault(version.link_id, []).append(version)
    links = [RunLink(tuple(each), now) for each in by_id.values()]
    return sorted(links, key=lambda link: (link.created, link.latest.link_id), reverse=True)

"""The use cases of people who share lists of nettests, and of probes that fetch them, by version.

The same links with numbered revisions are in ``revising``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ooni_core.accounts.model import ADMIN, Session
from ooni_core.errors import Conflict, Invalid, NotFound
from ooni_core.oonirun.model import LinkVersion
from ooni_core.oonirun.ports import LinkStore
from ooni_core.oonirun.rules import check_descriptor, is_translation, next_instant, truncated
from ooni_core.ports import Clock, Entropy
from ooni_core.refusals import Refused

_ATTEMPTS = 20


@attrs.frozen
class Listing:
    """Which versions somebody wants to see.

    Attributes:
        link_ids: of these links; None for all.
        only_latest: of each link only the version that was changed last.
        only_mine: only what the caller made.
        include_archived: archived ones too.
    """

    link_ids: tuple[int, ...] | None = None
    only_latest: bool = False
    only_mine: bool = False
    include_archived: bool = False


@attrs.frozen
class RunLinks:
    """Makes, changes, archives, fetches and lists links.

    Attributes:
        collector_number: last two digits of the ids made here, so that hosts never make the same one.
    """

    store: LinkStore
    clock: Clock
    entropy: Entropy
    collector_number: int = 0

    def create(self, author: Session, descriptor: Mapping[str, Any]) -> int:
        """Make a link and return its id.

        Raises:
            Invalid: the descriptor cannot be right.
        """
        check_descriptor(descriptor)
        now = truncated(self.clock.now())
        for _ in range(_ATTEMPTS):
            link_id = int.from_bytes(self.entropy.bytes(4)) * 100 + self.collector_number
            try:
                self.store.add(LinkVersion(link_id, descriptor, now, now, author.account_id), None)
            except Conflict:
                continue
            return link_id
        raise Conflict("no free id was found: try again")

    def edit(self, author: Session, link_id: int, descriptor: Mapping[str, Any]) -> None:
        """Make a new version of a link of one's own, or put the latest one in other words.

        Raises:
            Invalid: the descriptor cannot be right, or the caller has no such link.
            Conflict: the link was changed meanwhile.
        """
        check_descriptor(descriptor)
        latest = self._latest(link_id)
        if latest is None or latest.creator_account_id != author.account_id:
            raise Invalid("OONIRun descriptor not found")
        now = next_instant(self.clock.now(), latest)
        same = is_translation(latest.descriptor, descriptor)
        created = latest.descriptor_creation_time if same else now
        changed = attrs.evolve(
            latest, descriptor=descriptor, descriptor_creation_time=created, translation_creation_time=now
        )
        self.store.add(changed, latest)

    def archive(self, author: Session, link_id: int) -> None:
        """Tell probes not to run a link any more: for who made it, and staff. There is no way back.

        Raises:
            NotFound: there is no such link.
            Refused: it is somebody else's.
        """
        latest = self._latest(link_id)
        if latest is None:
            raise NotFound("oonirun descriptor not found")
        if author.role != ADMIN and latest.creator_account_id != author.account_id:
            raise Refused("err_ownership")
        self.store.archive(link_id)

    def fetch(self, link_id: int, created: datetime | None = None) -> LinkVersion:
        """Return a version of a link, archived or not.

        Args:
            link_id: the link.
            created: of the descriptor of the wanted version; None for the latest version.

        Raises:
            Invalid: there is none.
        """
        versions = self._versions([link_id])
        found = [each for each in versions if created is None or each.descriptor_creation_time == created]
        if not found:
            raise Invalid("oonirun descriptor not found")
        return found[-1]

    def listed(self, reader: Session | None, wanted: Listing) -> Sequence[LinkVersion]:
        """Return the versions that *wanted* describes, by creation of their descriptor, then translation."""
        if wanted.only_mine and reader is None:
            return []
        versions = self._versions(wanted.link_ids)
        if wanted.only_latest:
            latest = {each.link_id: each for each in sorted(versions, key=lambda one: one.translation_creation_time)}
            versions = [each for each in versions if latest[each.link_id] is each]
        return [
            each
            for each in versions
            if (wanted.include_archived or not each.archived)
            and (not wanted.only_mine or (reader is not None and each.creator_account_id == reader.account_id))
        ]

    def _versions(self, link_ids: Sequence[int] | None) -> Sequence[LinkVersion]:
        """Return versions as this form of the API tells them: a link that expired is archived as a whole."""
        now, versions = self.clock.now(), self.store.versions(link_ids)
        ended = {each.link_id: each.has_ended(now) for each in versions}  # the latest of a link comes last
        return [attrs.evolve(each, archived=ended[each.link_id]) for each in versions]

    def _latest(self, link_id: int) -> LinkVersion | None:
        return next(iter(self.store.versions([link_id])[-1:]), None)

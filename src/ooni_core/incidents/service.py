"""The use cases of people who read and write incidents."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ooni_core.accounts.model import Session
from ooni_core.errors import Conflict, NotFound
from ooni_core.incidents.model import Content, Incident
from ooni_core.incidents.ports import IncidentStore
from ooni_core.incidents.rules import (
    Search,
    is_admin,
    is_owner,
    may_see,
    next_version,
    numbered,
    read_content,
    read_time,
    slug_of,
)
from ooni_core.ports import Clock, Entropy
from ooni_core.refusals import Refused

_ATTEMPTS = 50
_NOT_FOUND = "Incident not found"


@attrs.frozen
class Incidents:
    """Searches, shows and changes incidents. Everybody may write; what is published is decided by staff.

    Attributes:
        account_id: makes account ids from e-mail addresses.
        collector_number: last two digits of the ids made here, so that hosts never make the same one.
    """

    store: IncidentStore
    clock: Clock
    entropy: Entropy
    account_id: Callable[[str], str]
    collector_number: int = 0

    def search(self, reader: Session | None, wanted: Search) -> list[Incident]:
        """Return what *reader* may see and *wanted* describes."""
        if wanted.only_mine and reader is None:
            return []
        return wanted.ordered(
            [
                incident
                for incident in self.store.incidents()
                if may_see(reader, incident)
                and (not wanted.only_mine or is_owner(reader, incident))
                and wanted.matches(incident)
            ]
        )

    def show(self, reader: Session | None, name: str) -> Incident:
        """Return one incident by its id or slug.

        Raises:
            NotFound: there is none, or it is not for this reader.
        """
        found = self.store.get(name) if name.isascii() and name.isdigit() else self.store.by_slug(name)
        if found is None or not may_see(reader, found):
            raise NotFound(_NOT_FOUND)
        return found

    def create(self, author: Session, document: Mapping[str, Any]) -> str:
        """Remember a new incident and return its id.

        Raises:
            Refused: something is wrong with *document*, or only staff may ask for it.
        """
        content = self._allowed(author, read_content(document))
        now = self._now()
        for attempt in range(1, _ATTEMPTS + 1):
            id = str(int.from_bytes(self.entropy.bytes(4)) * 100 + self.collector_number)
            slug = numbered(slug_of(content.title, now.year, id), attempt)
            try:
                self.store.create(Incident(id, slug, content, author.account_id, now.replace(microsecond=0), now))
            except Conflict:
                continue
            return id
        raise Conflict("too many incidents have this title: choose another one")

    def update(self, author: Session, document: Mapping[str, Any]) -> str:
        """Change everything that the author of an incident writes, and return its id. Its creator stays the same.

        Raises:
            Refused: something is wrong with *document*, or the incident is somebody else's.
            NotFound: there is no such incident.
            Conflict: somebody else changed it since *document* was read, as far as that says when that was.
        """
        known = self._owned(author, document)
        content = self._allowed(author, read_content(document))
        if document.get("email_address") is None:  # who wrote it was not shown the address either
            content = attrs.evolve(content, email_address=known.content.email_address)
        seen = document.get("update_time")
        if seen is not None and _time("update_time", seen) != known.update_time.replace(microsecond=0):
            raise Conflict("the incident was changed meanwhile: load it again")
        self._replace(known, content)
        return known.id

    def delete(self, author: Session, document: Mapping[str, Any]) -> None:
        """Show an incident to nobody any more, and forget its e-mail address. One that is not there is deleted already.

        Raises:
            Refused: the incident is somebody else's, or *document* names none.
        """
        try:
            known = self._owned(author, document)
        except NotFound:
            return
        self._replace(known, attrs.evolve(known.content, email_address="", published=False), deleted=True)

    def set_published(self, author: Session, document: Mapping[str, Any], *, published: bool) -> str:
        """Show an incident to everybody, or no longer. For staff.

        Raises:
            Refused: the caller is not staff, or *document* names no incident.
            NotFound: there is no such incident.
        """
        known = self._owned(author, document)
        if not is_admin(author):
            raise Refused("err_request_params", {"field": "published", "reason": "only staff may change it"})
        self._replace(known, attrs.evolve(known.content, published=published))
        return known.id

    def _now(self) -> datetime:
        now = self.clock.now().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _owned(self, author: Session, document: Mapping[str, Any]) -> Incident:
        id = document.get("id")
        if not isinstance(id, str | int) or isinstance(id, bool) or not str(id):
            raise Refused("err_request_params", {"field": "id", "reason": "it is missing"})
        known = self.store.get(str(id))
        if known is None:
            raise NotFound(_NOT_FOUND)
        if not is_admin(author) and not is_owner(author, known):
            raise Refused("err_ownership")
        return known

    def _allowed(self, author: Session, content: Content) -> Content:
        if is_admin(author):
            return content
        if content.published:
            raise Refused("err_request_params", {"field": "published", "reason": "only staff may publish"})
        if content.email_address and self.account_id(content.email_address) != author.account_id:
            raise Refused("err_request_params", {"field": "email_address", "reason": "it is not that of the account"})
        return content

    def _replace(self, known: Incident, content: Content, *, deleted: bool = False) -> None:
        changed = attrs.evolve(
            known, content=content, update_time=next_version(self._now(), known), deleted=deleted or known.deleted
        )
        self.store.replace(known, changed)


def _time(field: str, value: Any) -> datetime:
    try:
        return read_time(value)
    except ValueError as exc:
        raise Refused("err_request_params", {"field": field, "reason": str(exc)}) from exc

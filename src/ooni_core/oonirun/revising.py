"""The use cases of people who share lists of nettests, and of probes that run them, by numbered revision."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import attrs

from ooni_core.accounts.model import ADMIN, Session
from ooni_core.errors import Conflict, Forbidden, Invalid, NotFound
from ooni_core.oonirun.links import FIRST_LINK_ID, NO_LINK, Revision, RunLink, links_of, read_link_id
from ooni_core.oonirun.model import LinkVersion
from ooni_core.oonirun.nettests import nettests_of
from ooni_core.oonirun.ports import LinkStore
from ooni_core.oonirun.rules import next_instant, truncated
from ooni_core.oonirun.targets import WEBSITES, RunConditions, with_inputs
from ooni_core.oonirun.writing import OPTIONAL_WORDS, WrittenLink, read_link
from ooni_core.ports import Clock, Entropy
from ooni_core.prioritization.model import ListedUrl

_ATTEMPTS = 20
_SEED_BYTES = 8


class ForeignAuthor(Invalid):
    """A link must name its author by the address of the account that makes it."""


class Websites(Protocol):
    """Chooses what a probe measures next."""

    def urls(
        self, probe_cc: str, probe_asn: int, limit: int, categories: Collection[str], seed: int
    ) -> Sequence[ListedUrl]:
        """Return at most *limit* URLs of *categories* (empty for all) for a network, the most urgent first."""


@attrs.frozen
class Run:
    """What a probe is to do.

    Attributes:
        revision: with the inputs of each nettest; without nettests when the link has ended.
        has_ended: the probe must not run the link any more.
        is_dynamic: another probe, or the same one later, gets other inputs.
        unknown_targets: names of lists of inputs that nobody knows; their nettests have none.
    """

    revision: Revision
    has_ended: bool
    is_dynamic: bool
    unknown_targets: tuple[str, ...]


@attrs.frozen
class RevisedLinks:
    """Makes, changes, lists and hands out links whose lists of nettests are numbered.

    Attributes:
        account_id: makes account ids from e-mail addresses.
        websites: gives inputs to nettests whose author chose none.
    """

    store: LinkStore
    clock: Clock
    entropy: Entropy
    account_id: Callable[[str], str]
    websites: Websites

    def create(self, author: Session, document: Mapping[str, Any]) -> RunLink:
        """Make a link.

        Raises:
            BadDocument: a value in *document* is missing or cannot be right.
            ForeignAuthor: it does not name the caller as its author.
        """
        now = truncated(self.clock.now())
        written = read_link(document, now)
        if not self._is_by(author, written):
            raise ForeignAuthor("email_address must match the email address of the user who created the oonirun link")
        descriptor = {**written.words, "nettests": [each.document for each in written.nettests]}
        for _ in range(_ATTEMPTS):
            link_id = self.store.first_free(FIRST_LINK_ID)
            made = LinkVersion(link_id, descriptor, now, now, author.account_id, expires=written.expires)
            try:
                self.store.add(made, None)
            except Conflict:
                continue
            return RunLink((made,), now)
        raise Conflict("no free id was found: try again")

    def edit(self, author: Session, link_id: str, document: Mapping[str, Any]) -> RunLink:
        """Change what is said about a link, and its list of nettests if that is another one: for its author and staff.

        Raises:
            BadDocument: a value in *document* is missing or cannot be right.
            Forbidden: it names somebody else as its author, or the link has ended.
            NotFound: there is no such link, or it is not the caller's.
            Conflict: the link was changed meanwhile.
        """
        written = read_link(document, self.clock.now())
        is_admin = author.role == ADMIN
        if not is_admin and not self._is_by(author, written):
            raise Forbidden("You are not allowed to set the email_address to something other than your email address")
        link = self.get(link_id)
        if not is_admin and link.latest.creator_account_id != author.account_id:
            raise NotFound(NO_LINK)
        if link.has_ended:
            raise Forbidden("OONI Run link has expired and cannot be edited")
        changed = self._changed(link.latest, written)
        self.store.add(changed, link.latest)
        return self.get(link_id)

    def get(self, link_id: str) -> RunLink:
        """Return a link, ended or not.

        Raises:
            NotFound: there is none.
        """
        versions = self.store.versions([read_link_id(link_id)])
        if not versions:
            raise NotFound(NO_LINK)
        return RunLink(tuple(versions), self.clock.now())

    def listed(self, reader: Session | None, *, only_mine: bool = False, include_ended: bool = False) -> list[RunLink]:
        """Return links, the one that was made last first."""
        return [
            link
            for link in links_of(self.store.versions(), self.clock.now())
            if (include_ended or not link.has_ended)
            and (not only_mine or (reader is not None and reader.account_id == link.latest.creator_account_id))
        ]

    def run(self, link_id: str, revision: str, conditions: RunConditions) -> Run:
        """Tell a probe what to do.

        Args:
            link_id: the link.
            revision: a number, or ``latest``.
            conditions: in what circumstances the probe runs it.

        Raises:
            NotFound: there is no such link, or no such revision.
        """
        link = self.get(link_id)
        found = link.revision(revision)
        nettests = () if link.has_ended else found.nettests
        names = [each.targets_name for each in nettests if each.targets_name is not None]
        websites = partial(
            self.websites.urls,
            conditions.probe_cc,
            conditions.probe_asn,
            conditions.limit,
            conditions.categories,
            int.from_bytes(self.entropy.bytes(_SEED_BYTES)),
        )
        return Run(
            revision=attrs.evolve(found, nettests=tuple(with_inputs(each, websites) for each in nettests)),
            has_ended=link.has_ended,
            is_dynamic=bool(names),
            unknown_targets=tuple(name for name in names if name != WEBSITES),
        )

    def _is_by(self, session: Session, written: WrittenLink) -> bool:
        return self.account_id(written.author) == session.account_id

    def _changed(self, known: LinkVersion, written: WrittenLink) -> LinkVersion:
        """Return the next version: a new revision when its nettests are others, else the same one in other words."""
        now = next_instant(self.clock.now(), known)
        same = nettests_of(known.descriptor) == written.nettests
        nettests = known.descriptor["nettests"] if same else [each.document for each in written.nettests]
        kept = {key: value for key, value in known.descriptor.items() if key not in OPTIONAL_WORDS}
        return attrs.evolve(
            known,
            descriptor={**kept, **written.words, "nettests": nettests},
            descriptor_creation_time=known.descriptor_creation_time if same else now,
            translation_creation_time=now,
            expires=written.expires,
        )

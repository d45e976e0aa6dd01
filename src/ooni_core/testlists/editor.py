"""The use cases of people who propose changes of the test lists."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs

from ooni_core.errors import NotFound, OoniError, Unavailable
from ooni_core.refusals import Refused
from ooni_core.testlists.editing import (
    CLEAN,
    GLOBAL_LIST,
    IN_PROGRESS,
    PR_OPEN,
    Edit,
    ListFile,
    WorkingCopy,
    applied,
    check_duplicate,
    checked_edit,
    document_of,
    list_name_of,
    parsed_list,
    title_of,
)


class PublishedLists(Protocol):
    """The repository that the lists are published in."""

    def latest(self) -> str:
        """Return the id of the latest version; an older one while the repository does not answer.

        Raises:
            Unavailable: there never was one.
        """

    def read(self, version: str, name: str) -> bytes | None:
        """Return a list's file at *version*, None when there is no such list."""

    def countries(self, version: str) -> Mapping[str, bytes]:
        """Return the files of all countries' lists at *version*, by name: two letters each."""

    def write(self, version: str, changes: Sequence[tuple[dict[str, bytes], str]]) -> str:
        """Make a version that follows *version* by one commit for each pair of files by list name, and message.

        Returns:
            Its id. Nobody sees it before it is proposed.
        """


class Forge(Protocol):
    """Where proposals are made, discussed and merged."""

    def propose(self, account_id: str, version: str, title: str) -> str:
        """Propose *version* in the name of nobody in particular and return the proposal's name.

        A former proposal of the same account is replaced. Proposing again is safe.

        Raises:
            Unavailable: the forge does not answer.
            Conflict: it refuses.
        """

    def is_open(self, proposal: str) -> bool:
        """Say whether a proposal is still waiting: neither merged nor closed.

        Raises:
            NotFound: the forge knows no such proposal.
            Unavailable: the forge does not answer.
        """

    def close(self, proposal: str) -> None:
        """Withdraw a proposal; one that is closed already is left alone.

        Raises:
            Unavailable: the forge does not answer.
            Conflict: it refuses.
        """

    def page(self, proposal: str) -> str:
        """Return the address of the proposal's page."""


class WorkingCopies(Protocol):
    """Keeps everybody's working copy, by account id."""

    def locked(self, account_id: str) -> AbstractContextManager[None]:
        """Keep others from this account's working copy while the block runs.

        Raises:
            Unavailable: somebody else kept it for too long.
        """

    def load(self, account_id: str) -> WorkingCopy:
        """Return a working copy; a clean one for an account that has none."""

    def save(self, account_id: str, copy: WorkingCopy) -> None:
        """Replace a working copy, all of it or nothing.

        Raises:
            Unavailable: the medium failed; the former one is still there.
        """


@attrs.frozen
class ListEditor:
    """Shows lists as somebody would have them, changes them, and proposes the changes.

    Accounts never see each other's edits.
    """

    lists: PublishedLists
    forge: Forge
    copies: WorkingCopies

    def show(self, account_id: str, country_code: str) -> dict[str, Any]:
        """Return a list with somebody's edits, and where their proposal stands.

        Raises:
            Refused: there can be no such list.
            Unavailable: there is no copy of the lists.
        """
        name = list_name_of(country_code)
        with self.copies.locked(account_id):
            copy = self._synced(account_id)
        found = self._list(self.lists.latest(), name, copy.edits)
        return {
            "changes": copy.changes(),
            "pr_url": self.forge.page(copy.proposal) if copy.state == PR_OPEN else None,
            "state": copy.state,
            "test_list": None if found is None else [document_of(row) for row in found.rows],
        }

    def update(
        self, account_id: str, *, country_code: Any, old_entry: Any, new_entry: Any, comment: Any
    ) -> dict[str, Any]:
        """Add, change or remove a line; an open proposal is withdrawn, because it is not what they want any more.

        Returns:
            ``updated_entry``, the new line, empty when one was removed; and ``also_listed_in`` when a URL that is new
            on the global list is on countries' lists, which it should be removed from.

        Raises:
            Refused: the change cannot be made; nothing was changed, and an open proposal stays open.
            Unavailable: repository, forge or disk do not answer.
        """
        edit = checked_edit(country_code, old_entry, new_entry, comment)
        with self.copies.locked(account_id):
            copy = self._synced(account_id)
            version = self.lists.latest()
            self._check(version, edit, copy.edits)
            elsewhere = list(self._elsewhere(version, edit, copy.edits))
            if copy.state == PR_OPEN:
                self._withdraw(copy.proposal)
            self.copies.save(account_id, WorkingCopy(IN_PROGRESS, (*copy.edits, edit)))
        updated = {"updated_entry": document_of(edit.new) if edit.new is not None else {}}
        return {**updated, "also_listed_in": elsewhere} if elsewhere else updated

    def submit(self, account_id: str) -> str:
        """Propose all edits and return the proposal's name; proposing again what is open changes nothing.

        Raises:
            Refused: there is nothing to propose, or the forge did not take it: trying again is safe.
        """
        with self.copies.locked(account_id):
            copy = self._synced(account_id)
            if copy.state == PR_OPEN:
                return copy.proposal
            version = self.lists.latest()
            changes = self._commits(version, copy.edits)
            if not changes:
                raise Refused("err_no_proposed_changes")
            try:
                written = self.lists.write(version, changes)
                proposal = self.forge.propose(account_id, written, title_of(copy.edits))
            except OoniError as exc:
                raise Refused("err_cannot_propose_changes") from exc
            self.copies.save(account_id, WorkingCopy(PR_OPEN, copy.edits, proposal))
            return proposal

    def _synced(self, account_id: str) -> WorkingCopy:
        """Notice that a proposal was merged or closed. While the forge is silent it counts as open.

        The edits of one that is not known any more are not lost: they can be proposed again.
        """
        copy = self.copies.load(account_id)
        if copy.state != PR_OPEN:
            return copy
        try:
            still_open = self.forge.is_open(copy.proposal)
        except Unavailable:
            still_open = True
        except NotFound:
            return self._saved(account_id, WorkingCopy(IN_PROGRESS, copy.edits))
        return copy if still_open else self._saved(account_id, WorkingCopy(CLEAN))

    def _saved(self, account_id: str, copy: WorkingCopy) -> WorkingCopy:
        self.copies.save(account_id, copy)
        return copy

    def _withdraw(self, proposal: str) -> None:
        try:
            self.forge.close(proposal)
        except OoniError as exc:
            raise Refused("err_cannot_close_pr") from exc

    def _check(self, version: str, edit: Edit, edits: Sequence[Edit]) -> None:
        own = self._list(version, edit.list_name, edits)
        if own is None:
            raise Refused("err_country_not_supported")
        everywhere = None if edit.list_name == GLOBAL_LIST else self._list(version, GLOBAL_LIST, edits)
        check_duplicate(edit, own, everywhere)
        own.edited(edit)

    def _elsewhere(self, version: str, edit: Edit, edits: Sequence[Edit]) -> Iterator[str]:
        if edit.list_name != GLOBAL_LIST or edit.new is None or (edit.old and edit.old.url == edit.new.url):
            return
        for name, content in sorted(self.lists.countries(version).items()):
            if _edited(content, name, edits).has(edit.new.url):
                yield name

    def _list(self, version: str, name: str, edits: Sequence[Edit]) -> ListFile | None:
        content = self.lists.read(version, name)
        return None if content is None else _edited(content, name, edits)

    def _commits(self, version: str, edits: Sequence[Edit]) -> list[tuple[dict[str, bytes], str]]:
        """Return one change of files for each edit that still has something to do."""
        commits, current = [], dict[str, ListFile]()
        for edit in edits:
            before = current.get(edit.list_name) or self._list(version, edit.list_name, ())
            if before is None:
                continue
            after = applied(before, [edit])
            current[edit.list_name] = after
            if after != before:
                commits.append(({edit.list_name: after.text().encode()}, edit.comment))
        return commits


def _edited(content: bytes, name: str, edits: Sequence[Edit]) -> ListFile:
    return applied(parsed_list(content, name), [edit for edit in edits if edit.list_name == name])

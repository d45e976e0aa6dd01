"""The test list editor over git: published lists, working copies in files, and a forge that is a plain remote."""

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from ooni_adapters.git.repository import GitRepository
from ooni_core.errors import Invalid, Unavailable
from ooni_core.ports import Clock
from ooni_core.refusals import Refused
from ooni_core.testlists.editing import Edit, WorkingCopy, document_of, entry_of

_COUNTRY_LIST = re.compile(r"([a-z]{2})\.csv")
_LOCK_SECONDS = 5.0
_LOCK_PAUSE = 0.05


@attrs.define(eq=False)
class GitPublishedLists:
    """PublishedLists in a git repository.

    Attributes:
        author: ``Name <address>`` of commits; never a person's.
        pull_seconds: how old the local copy may become.
    """

    repository: GitRepository
    clock: Clock
    author: str
    pull_seconds: float = 60.0
    _pulled: float = attrs.field(default=float("-inf"), init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def latest(self) -> str:
        """Return the id of the latest version; an older one while the repository does not answer."""
        with self._lock:
            known = self.repository.head()
            if known is not None and time.monotonic() - self._pulled < self.pull_seconds:
                return known
            try:
                known = self.repository.fetch()
            except Unavailable:
                if known is None:
                    raise
            self._pulled = time.monotonic()
            return known

    def read(self, version: str, name: str) -> bytes | None:
        """Return a list's file at *version*, None when there is no such list."""
        return self.repository.file(version, f"lists/{name}.csv")

    def countries(self, version: str) -> dict[str, bytes]:
        """Return the files of all countries' lists at *version*, by name."""
        files = self.repository.files(version, "lists")
        return {match[1]: content for name, content in files.items() if (match := _COUNTRY_LIST.fullmatch(name))}

    def write(self, version: str, changes: Sequence[tuple[dict[str, bytes], str]]) -> str:
        """Make a version that follows *version*."""
        for files, message in changes:
            named = {f"lists/{name}.csv": content for name, content in files.items()}
            version = self.repository.commit(version, named, message, self.author, self.clock.now())
        return version


def branch_of(account_id: str) -> str:
    """Return the branch that holds an account's proposal."""
    return f"user-contribution/{account_id}"


@attrs.frozen
class GitRemoteForge:
    """A Forge that is nothing but a git remote: a pushed branch is the proposal, deleting it closes it.

    Attributes:
        url: where branches are pushed to.
    """

    repository: GitRepository
    url: str

    def propose(self, account_id: str, version: str, title: str) -> str:
        """Push *version* as the account's branch."""
        self.repository.push(self.url, version, branch_of(account_id))
        return f"{branch_of(account_id)}@{version}"

    def is_open(self, proposal: str) -> bool:
        """Say whether the branch is there and the followed branch does not hold its commits yet."""
        branch, _, version = proposal.partition("@")
        if self.repository.remote_branch(self.url, branch) != version:
            return False
        return not self.repository.holds(self.repository.fetch(), version)

    def close(self, proposal: str) -> None:
        """Delete the branch."""
        self.repository.push(self.url, None, proposal.partition("@")[0])

    def page(self, proposal: str) -> str:
        """Return where the branch is."""
        return f"{self.url}#{proposal.partition('@')[0]}"


@attrs.frozen
class FolderWorkingCopies:
    """WorkingCopies in one JSON file for each account."""

    folder: Path

    @contextmanager
    def locked(self, account_id: str) -> Iterator[None]:
        """Keep others from this account's working copy while the block runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._file(account_id, ".lock").open("w") as file:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as exc:
                    if time.monotonic() > deadline:
                        raise Unavailable("another request of this account is still at work") from exc
                    time.sleep(_LOCK_PAUSE)
            yield

    def load(self, account_id: str) -> WorkingCopy:
        """Return a working copy; a clean one for an account that has none."""
        try:
            document = json.loads(self._file(account_id, ".json").read_bytes())
            edits = tuple(
                Edit(each["list_name"], entry_of(each["old"]), entry_of(each["new"]), each["comment"])
                for each in document["edits"]
            )
            return WorkingCopy(document["state"], edits, document["proposal"])
        except FileNotFoundError:
            return WorkingCopy()
        except (OSError, ValueError, TypeError, KeyError, Refused) as exc:
            raise Unavailable("a working copy cannot be read") from exc

    def save(self, account_id: str, copy: WorkingCopy) -> None:
        """Replace a working copy, all of it or nothing."""
        document = {"state": copy.state, "proposal": copy.proposal, "edits": [_edit(edit) for edit in copy.edits]}
        final, partial = self._file(account_id, ".json"), self._file(account_id, ".tmp")
        try:
            with partial.open("w", encoding="utf-8") as file:
                json.dump(document, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(final)
        except OSError as exc:
            raise Unavailable("a working copy cannot be written") from exc

    def _file(self, account_id: str, suffix: str) -> Path:
        if not account_id.isalnum() or not account_id.isascii():
            raise Invalid("an account id is made of letters and digits")
        return self.folder / f"{account_id}{suffix}"


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "list_name": edit.list_name,
        "old": document_of(edit.old) if edit.old else None,
        "new": document_of(edit.new) if edit.new else None,
        "comment": edit.comment,
    }

"""A bare local copy of a remote repository: fetch, read, commit, push. There is no working tree to get out of step."""

import fcntl
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
from dulwich import errors
from dulwich.client import (
    GitClient,
    HTTPProxyUnauthorized,
    HTTPUnauthorized,
    InvalidWants,
    default_urllib3_manager,
    get_transport_and_path,
)
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo
from urllib3 import BaseHTTPResponse, PoolManager

from ooni_core.errors import Conflict, Invalid, Unavailable

_FILE_MODE, _FOLDER_MODE = 0o100644, 0o040000
_TIMEOUT_SECONDS = 30.0
_LONGEST_REASON = 400
_GIT_FAILURES = (
    errors.ApplyDeltaError,
    errors.ChecksumMismatch,
    errors.FileFormatException,
    errors.GitProtocolError,
    errors.NotGitRepository,
    errors.ObjectMissing,
    errors.WrongObjectException,
    HTTPProxyUnauthorized,
    HTTPUnauthorized,
    InvalidWants,
    zlib.error,
    OSError,
    EOFError,
    KeyError,
    AssertionError,
    ValueError,
)


@attrs.frozen
class Login:
    """Name and secret for a remote over https; they are held in memory only.

    Attributes:
        remote: URL of the repository that they are for: no other host is told.
    """

    user: str = ""
    secret: str = attrs.field(default="", repr=False)
    remote: str = ""

    def arguments(self, url: str) -> dict[str, str]:
        """Return them as the git client takes them, for a connection to *url*."""
        meant = self.secret and _host(url) == _host(self.remote)
        return {"username": self.user, "password": self.secret} if meant else {}


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


class _Connections(PoolManager):
    """Connections that are closed with all their answers; dulwich leaves those with an error status open."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answers: list[BaseHTTPResponse] = []

    def request(self, *arguments: Any, **options: Any) -> BaseHTTPResponse:
        answer = super().request(*arguments, **options)
        self._answers.append(answer)
        return answer

    def clear(self) -> None:
        for answer in self._answers:
            answer.close()
        super().clear()


@attrs.define(eq=False)
class GitRepository:
    """A bare clone in *folder* of the repository at *url*.

    Attributes:
        folder: made at the first fetch.
        url: https://, file:// or a path.
        branch: the branch that is followed.
        login: for fetching and pushing over https.
        timeout: seconds of silence after which a remote over https counts as away.
    """

    folder: Path
    url: str
    branch: str = "master"
    login: Login = attrs.field(factory=Login)
    timeout: float = _TIMEOUT_SECONDS
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads and processes away while the block runs."""
        with self._lock:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with (self.folder.parent / f"{self.folder.name}.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def fetch(self) -> str:
        """Bring the copy up to date and return the id of the branch's latest commit.

        Raises:
            Unavailable: the remote does not answer, or has no such branch.
        """
        ref = f"refs/heads/{self.branch}".encode()
        with self.locked(), self._remote(self.url) as (client, path), self._repo() as repo:
            found = client.fetch(path, repo, determine_wants=lambda refs, *_, **__: [refs[ref]])
            repo.refs[b"refs/remotes/origin/" + self.branch.encode()] = found.refs[ref]
            return bytes(found.refs[ref]).decode()

    def head(self) -> str | None:
        """Return the id of the commit that was fetched last, None when there never was one."""
        with self._repo() as repo:
            try:
                return str(repo.refs[b"refs/remotes/origin/" + self.branch.encode()].decode())
            except KeyError:
                return None

    def files(self, commit: str, folder: str) -> dict[str, bytes]:
        """Return the files directly in *folder* at *commit*, by name.

        Raises:
            Invalid: there is no such folder.
        """
        with self._repo() as repo:
            try:
                tree = repo[repo[repo[commit.encode()].tree][folder.encode()][1]]
            except KeyError as exc:
                raise Invalid(f"{_shown(self.url)} has no folder {folder!r}") from exc
            return {
                entry.path.decode(): repo[entry.sha].data for entry in tree.items() if entry.mode & 0o170000 == 0o100000
            }

    def file(self, commit: str, path: str) -> bytes | None:
        """Return one file at *commit*, None when it is not there."""
        *folders, name = path.split("/")
        with self._repo() as repo:
            try:
                tree = repo[repo[commit.encode()].tree]
                for folder in folders:
                    tree = repo[tree[folder.encode()][1]]
                return bytes(repo[tree[name.encode()][1]].data)
            except KeyError:
                return None

    def commit(self, parent: str, changes: Mapping[str, bytes], message: str, author: str, at: datetime) -> str:
        """Write a commit that changes files in one folder deep at most, and return its id.

        Args:
            parent: id of the commit that it follows.
            changes: new content by path, ``lists/it.csv``.
            message: one line.
            author: ``Name <address>``, of a machine account, never of a person.
            at: when (aware).
        """
        with self.locked(), self._repo() as repo:
            tree = repo[repo[parent.encode()].tree]
            for path, content in changes.items():
                tree = _with_file(repo, tree, path.split("/"), content)
            commit = _commit(tree, parent, message, author, at)
            repo.object_store.add_object(tree)
            repo.object_store.add_object(commit)
            return str(commit.id.decode())

    def remote_branch(self, url: str, branch: str) -> str | None:
        """Return the commit that *branch* at *url* names, None when there is no such branch.

        Raises:
            Unavailable: the remote does not answer.
        """
        with self._remote(url) as (client, path):
            found = client.get_refs(path.encode())
            refs = getattr(found, "refs", found)
            commit = refs.get(f"refs/heads/{branch}".encode())
            return commit.decode() if commit else None

    def holds(self, head: str, commit: str) -> bool:
        """Say whether *commit* is among the ancestors of *head*."""
        with self._repo() as repo:
            if commit.encode() not in repo.object_store:
                return False
            return any(entry.commit.id == commit.encode() for entry in repo.get_walker(include=[head.encode()]))

    def push(self, url: str, commit: str | None, branch: str) -> None:
        """Make *branch* at *url* name *commit*, whatever it named before; without one, delete the branch.

        Raises:
            Unavailable: the remote does not answer.
            Conflict: the remote does not accept it.
        """
        ref = f"refs/heads/{branch}".encode()
        wanted = commit.encode() if commit else b"0" * 40
        with self.locked(), self._remote(url) as (client, path), self._repo() as repo:

            def update(refs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
                return {ref: wanted} if commit or ref in refs else {}

            result = client.send_pack(path.encode(), update, repo.generate_pack_data)
            refused = (result.ref_status or {}).get(ref)
            if refused:
                raise Conflict(f"{_shown(url)} refuses branch {branch}: {refused}")

    @contextmanager
    def _remote(self, url: str) -> Iterator[tuple[GitClient, str]]:
        try:
            with self._connected(url) as connected:
                yield connected
        except _GIT_FAILURES as exc:
            reason = f"{type(exc).__name__}: {str(exc)[:_LONGEST_REASON]}"
            raise Unavailable(f"the git repository {_shown(url)} does not answer as it should: {reason}") from exc

    @contextmanager
    def _connected(self, url: str) -> Iterator[tuple[GitClient, str]]:
        if urlsplit(url).scheme not in {"http", "https"}:
            yield get_transport_and_path(url, quiet=True)
            return
        connections = default_urllib3_manager(None, _Connections, base_url=url, timeout=self.timeout)
        try:
            yield get_transport_and_path(url, quiet=True, pool_manager=connections, **self.login.arguments(url))
        finally:
            connections.clear()

    def _repo(self) -> Repo:
        if (self.folder / "objects").is_dir():
            return Repo(str(self.folder))
        self.folder.mkdir(parents=True, exist_ok=True)
        return Repo.init_bare(str(self.folder))


def _with_file(repo: Repo, tree: Tree, parts: list[str], content: bytes) -> Tree:
    name = parts[0].encode()
    if len(parts) == 1:
        blob = Blob.from_string(content)
        repo.object_store.add_object(blob)
        tree.add(name, _FILE_MODE, blob.id)
        return tree
    child = repo[tree[name][1]] if name in tree else Tree()
    changed = _with_file(repo, child, parts[1:], content)
    repo.object_store.add_object(changed)
    tree.add(name, _FOLDER_MODE, changed.id)
    return tree


def _commit(tree: Tree, parent: str, message: str, author: str, at: datetime) -> Commit:
    commit = Commit()
    commit.tree, commit.parents = tree.id, [parent.encode()]
    commit.author = commit.committer = author.encode()
    commit.author_time = commit.commit_time = int(at.astimezone(UTC).timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding, commit.message = b"UTF-8", message.encode()
    return commit


def _shown(url: str) -> str:
    """Return *url* without the secrets that people write into them."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

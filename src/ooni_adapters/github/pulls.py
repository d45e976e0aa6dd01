"""A Forge over GitHub's REST API: a pushed branch and a pull request."""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

import attrs

from ooni_core.errors import Conflict, NotFound, Unavailable

_TIMEOUT_SECONDS = 15
_ATTEMPTS = 3


@attrs.frozen
class GitHubForge:
    """Opens, closes and watches pull requests. A proposal's name is its address in the API.

    Attributes:
        push: makes a branch (first argument) name a commit (second) in the repository of *user*.
        repository: ``owner/name`` that pull requests are opened in.
        base: branch that they are for.
        user: account that pushes and opens them.
        token: its token.
        branch: branch of an account's proposals, by account id.
        api: base URL of the API.
        timeout: seconds of silence after which a call is made again, or given up.
        pause: waits between attempts, for so many seconds.
        patience: seconds for which a pull request that was open, or about which GitHub said nothing, is believed to be
            open: editors ask every few seconds, and GitHub counts.
    """

    push: Callable[[str, str], None]
    repository: str
    base: str
    user: str
    token: str = attrs.field(repr=False)
    branch: Callable[[str], str]
    api: str = "https://api.github.com"
    timeout: float = _TIMEOUT_SECONDS
    pause: Callable[[float], None] = time.sleep
    patience: float = 0.0
    _asked: dict[str, float] = attrs.field(factory=dict, init=False)

    def propose(self, account_id: str, version: str, title: str) -> str:
        """Push *version* and open a pull request; an open one of the same branch is replaced."""
        branch = self.branch(account_id)
        self.push(branch, version)
        content = {"head": f"{self.user}:{branch}", "base": self.base, "title": title}
        status, answer = self._call("POST", self._pulls, content)
        if status == 422 and self._close_open(branch):
            status, answer = self._call("POST", self._pulls, content)
        url = _text(answer, "url")
        if status != 201 or not url:
            raise Conflict(f"GitHub did not open a pull request: {_reason(status, answer)}")
        return url

    def is_open(self, proposal: str) -> bool:
        """Say whether a pull request is neither merged nor closed."""
        now = time.monotonic()
        if now - self._asked.get(proposal, float("-inf")) < self.patience:
            return True
        self._asked[proposal] = now
        still_open = self._says_open(proposal)
        if not still_open:
            self._asked.pop(proposal, None)
        return still_open

    def _says_open(self, proposal: str) -> bool:
        status, answer = self._call("GET", self._own(proposal))
        if status == 404:
            raise NotFound("GitHub knows no such pull request")
        state = _text(answer, "state")
        if status != 200 or not state:
            raise Unavailable(f"GitHub does not say how a pull request stands: {_reason(status, answer)}")
        return state == "open"

    def close(self, proposal: str) -> None:
        """Close a pull request."""
        status, answer = self._call("PATCH", self._own(proposal), {"state": "closed"})
        if status != 200:
            raise Conflict(f"GitHub did not close a pull request: {_reason(status, answer)}")

    def page(self, proposal: str) -> str:
        """Return the address of the pull request's page."""
        return f"https://github.com/{self.repository}/pull/{proposal.rstrip('/').rpartition('/')[2]}"

    @property
    def _pulls(self) -> str:
        return f"{self.api}/repos/{quote(self.repository)}/pulls"

    def _own(self, proposal: str) -> str:
        """Return the address of a pull request below our API: the token goes nowhere else."""
        return f"{self._pulls}/{quote(proposal.rstrip('/').rpartition('/')[2], safe='')}"

    def _close_open(self, branch: str) -> bool:
        query = urlencode({"head": f"{self.user}:{branch}", "state": "open"})
        status, found = self._call("GET", f"{self._pulls}?{query}")
        if status != 200 or not isinstance(found, list):
            return False
        addresses = [address for each in found if (address := _text(each, "url"))]
        for address in addresses:
            self.close(address)
        return bool(addresses)

    def _call(self, method: str, url: str, content: Any = None) -> tuple[int, Any]:
        """Make a call and return status and JSON; only what fails before an answer, or with 5xx, is tried again."""
        login = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        headers = {
            "Authorization": f"Basic {login}",
            "Accept": "application/vnd.github+json",
            "User-Agent": "ooni-test-list-editor",
            "Content-Type": "application/json",
        }
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - configured, http(s) only
        failure = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(attempt)
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                    return answer.status, json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as exc:
                with exc:
                    if exc.code < 500:
                        return exc.code, _explanation(exc)
                failure = f"status {exc.code}"
            except (OSError, ValueError, HTTPException) as exc:
                failure = str(exc) or type(exc).__name__
        raise Unavailable(f"GitHub does not answer: {failure}")


def _explanation(refusal: urllib.error.HTTPError) -> Any:
    try:
        return json.loads(refusal.read())
    except (OSError, ValueError, HTTPException):
        return None  # the status alone says that it is one


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else ""


def _reason(status: int, answer: Any) -> str:
    return f"status {status} {_text(answer, 'message')[:200]}".rstrip()

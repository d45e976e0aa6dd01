"""A stand-in for GitHub's REST API on 127.0.0.1: just what pull requests need."""

import json
from urllib.parse import parse_qs, urlsplit

from tests.contract.probes.fake_server import FakeServer


class GitHub(FakeServer):
    """Pull requests by number.

    ``failures`` holds what goes wrong before anything else: a status, "garbage", "half an answer", "hang up", "silence", or
    "lost answer", which does what was asked and does not say so.
    """

    def __init__(self):
        self.pulls, self.failures, self.logins, self.calls = {}, [], set(), []
        super().__init__()

    def answer(self, request):
        content = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.logins.add(request.headers["Authorization"])
        self.calls.append(request.command)
        failure = self.failures.pop(0) if self.failures else None
        if failure == "silence":
            self.released.wait()
        if failure in {"silence", "hang up"}:
            return
        if isinstance(failure, int):
            status, raw = failure, json.dumps({"message": f"failing with {failure}"}).encode()
        else:
            status, body = self.react(request.command, urlsplit(request.path), json.loads(content) if content else {})
            raw = b"<html>" if failure == "garbage" else json.dumps(body).encode()
        if failure == "lost answer":
            return
        request.send_response(status)
        request.send_header("Content-Length", str(len(raw)))
        request.end_headers()
        request.wfile.write(raw[:9] if failure == "half an answer" else raw)

    def react(self, method, url, content):
        number = url.path.rpartition("/")[2]
        if method == "POST":
            if any(pull["head"] == content["head"] and pull["state"] == "open" for pull in self.pulls.values()):
                return 422, {"message": "Validation Failed"}
            number = str(800 + len(self.pulls))
            self.pulls[number] = {**content, "state": "open", "url": f"{self.url}{url.path}/{number}"}
            return 201, self.pulls[number]
        if method == "GET" and number == "pulls":
            head = parse_qs(url.query)["head"][0]
            return 200, [pull for pull in self.pulls.values() if pull["head"] == head and pull["state"] == "open"]
        if number not in self.pulls:
            return 404, {"message": "Not Found"}
        if method == "PATCH":
            self.pulls[number]["state"] = content["state"]
        return 200, self.pulls[number]

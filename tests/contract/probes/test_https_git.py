"""Test lists from, and proposals to, a git repository over https: the real protocol, TLS with a CA of its own."""

import pytest
from litestar.testing import TestClient

from ooni_adapters.git import GitListSource, GitRepository, Login
from ooni_core.accounts.rules import account_id_of
from ooni_core.errors import Conflict, Unavailable
from ooni_entrypoints.settings import load
from tests.contract.probes.conftest import KEY, serving, session
from tests.contract.probes.https_git import GitServer
from tests.contract.probes.repositories import LISTS, branch, make_origin, publish
from tests.contract.probes.test_updates import lists_in, run

NICK = "nick@localhost.local"
BRANCH = f"user-contribution/{account_id_of(NICK, 'CHANGEME')}"
ROW = {"url": "https://new.example/", "category_code": "NEWS", "date_added": "2026-11-23", "source": "", "notes": ""}


@pytest.fixture
def server(tmp_path):
    make_origin(tmp_path)
    server = GitServer(tmp_path, tmp_path)
    yield server
    server.stop()


@pytest.fixture
def _trusted(server, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))


def update(tmp_path, server):
    return run(tmp_path, "--set", f"probes.test_lists={server.url}/origin.git", "run", "update-citizenlab")


@pytest.mark.usefixtures("_trusted")
def test_lists_come_over_https(server, tmp_path):
    assert "37 added, 0 removed" in update(tmp_path, server).output
    publish(tmp_path, {"us": LISTS["us"] + "https://new.example/,NEWS,News Media,2023-04-13,,\n"})
    assert "1 added, 0 removed" in update(tmp_path, server).output
    assert lists_in(tmp_path) == {"IT": 5, "US": 2, "ZZ": 31}


def test_server_that_nobody_vouches_for_is_not_believed(server, tmp_path):
    done = update(tmp_path, server)
    assert done.exit_code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in done.output
    assert lists_in(tmp_path) == {}


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("fault", [403, 404, 500, 503, "cut", "stall"])
def test_lists_stay_as_they_are_while_the_server_fails(server, tmp_path, fault):
    repository = GitRepository(tmp_path / "copy.git", f"{server.url}/origin.git")
    impatient = GitRepository(repository.folder, repository.url, timeout=0.2)
    source = GitListSource(repository)
    before = source.fetch()
    publish(tmp_path, {"us": LISTS["us"] + "https://new.example/,NEWS,News Media,2023-04-13,,\n"})
    server.fault = fault
    with pytest.raises(Unavailable, match=r"https://127\.0\.0\.1:\d+/origin\.git"):
        GitListSource(impatient if fault == "stall" else repository).fetch()
    assert repository.head() == before.version
    server.fault = None
    assert source.fetch().version != before.version


@pytest.mark.usefixtures("_trusted")
def test_branch_is_pushed_with_the_token_and_removed_again(server, tmp_path):
    url = f"{server.url}/origin.git"
    repository = GitRepository(tmp_path / "copy.git", url, login=Login("ooni-bot", "secret", url))
    head = repository.fetch()
    repository.push(url, head, "proposal")
    assert repository.remote_branch(url, "proposal") == head
    repository.push(url, None, "proposal")
    assert repository.remote_branch(url, "proposal") is None
    pushes = [user for method, path, user in server.seen if method == "POST" and path.endswith("receive-pack")]
    assert pushes == ["ooni-bot", "ooni-bot"]
    stranger = GitRepository(tmp_path / "copy.git", url, login=Login("ooni-bot", "wrong", url))
    with pytest.raises(Unavailable) as refusal:
        stranger.push(url, head, "proposal")
    assert "wrong" not in str(refusal.value)


@pytest.mark.usefixtures("_trusted")
def test_branch_that_the_server_does_not_take_is_a_conflict(server, tmp_path):
    url = f"{server.url}/origin.git"
    hook = tmp_path / "origin.git" / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    repository = GitRepository(tmp_path / "copy.git", url, login=Login("ooni-bot", "secret", url))
    with pytest.raises(Conflict, match="hook declined"):
        repository.push(url, repository.fetch(), "proposal")


@pytest.mark.usefixtures("_trusted")
def test_token_is_told_to_no_host_but_the_one_that_it_is_for(server, tmp_path):
    for remote, user in ((f"{server.url}/fork.git", "ooni-bot"), ("https://127.0.0.1:1/fork.git", None)):
        login = Login("ooni-bot", "secret", remote)
        server.seen.clear()
        GitRepository(tmp_path / "copy.git", f"{server.url}/origin.git", login=login).fetch()
        assert {who for _, _, who in server.seen} == {user}


@pytest.mark.usefixtures("_trusted")
def test_whole_proposal_goes_over_https(server, engine, tmp_path):
    flags = {"storage.data_dir": str(tmp_path / "data"), "accounts.jwt_keys": KEY, "editor.pull_seconds": "0"}
    flags |= {"editor.origin": f"{server.url}/origin.git", "editor.github_user": "ooni-bot"}
    server.login = ("ooni-bot", "another token")
    with TestClient(serving(load(None, {}, flags | {"editor.github_token": "secret"}).settings, engine).asgi) as client:
        headers = session("user", NICK)
        asked = {"country_code": "us", "comment": "why", "old_entry": {}, "new_entry": ROW}
        assert client.post("/api/v1/url-submission/update-url", json=asked, headers=headers).status_code == 200
        refused = client.post("/api/v1/url-submission/submit", headers=headers)
        assert (refused.status_code, refused.json()["err_str"]) == (400, "err_cannot_propose_changes")
        server.login = ("ooni-bot", "secret")
        assert client.post("/api/v1/url-submission/submit", headers=headers).status_code == 200
        assert client.get("/api/_/url-submission/test-list/us", headers=headers).json()["state"] == "PR_OPEN"
    commits, files = branch(tmp_path, BRANCH)
    assert commits[0] == ("why", "ooni-bot <ooni-bot@users.noreply.github.com>")
    assert files["us.csv"].endswith("https://new.example/,NEWS,News Media,2026-11-23,,\n")

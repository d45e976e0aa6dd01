"""The test list editor over HTTP, with a plain git remote and with a stand-in for GitHub."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from litestar.testing import TestClient

from ooni_core.accounts.rules import account_id_of
from ooni_entrypoints.settings import load
from tests.contract.probes.conftest import KEY, serving, session
from tests.contract.probes.repositories import HEADER, LISTS, branch, make_origin, merge, publish

NICK, ADA = "nick@localhost.local", "ada@example.org"
BRANCH = f"user-contribution/{account_id_of(NICK, 'CHANGEME')}"


@pytest.fixture
def origin(tmp_path):
    return make_origin(tmp_path)


@pytest.fixture(params=["git", "github"])
def kind(request):
    return request.param


@pytest.fixture
def editor(kind, origin, github, engine, tmp_path):
    flags = {"storage.data_dir": str(tmp_path / "data"), "accounts.jwt_keys": KEY, "editor.origin": origin}
    flags |= {"editor.pull_seconds": "0"}
    if kind == "github":
        flags |= {"editor.github_repository": "citizenlab/test-lists", "editor.github_user": "ooni-bot"}
        flags |= {"editor.github_token": "secret", "editor.github_api": github.url}
    with TestClient(serving(load(None, {}, flags).settings, engine).asgi) as client:
        yield client


def row(name, category="FILE", notes="x", date="2023-04-12"):
    return {"url": name, "category_code": category, "date_added": date, "source": "", "notes": notes}


def show(editor, cc="us", who=NICK):
    return editor.get(f"/api/_/url-submission/test-list/{cc}", headers=session("user", who))


def update(editor, cc="US", old=None, new=None, who=NICK, comment="add example"):
    body = {"country_code": cc, "comment": comment, "old_entry": old, "new_entry": new}
    return editor.post("/api/v1/url-submission/update-url", json=body, headers=session("user", who))


def submit(editor, who=NICK):
    return editor.post("/api/v1/url-submission/submit", headers=session("user", who))


def refused(answer, code):
    assert (answer.status_code, answer.json()["err_str"]) == (400, code)
    assert answer.json()["error"] == answer.json()["description"]
    return True


ONE = row("https://example-bogus-1.org/")
TWO = row("https://example-bogus-2.org/", "NEWS")


def resolve(kind, github, tmp_path):
    """Let the maintainers merge the open proposal."""
    if kind == "github":
        for pull in github.pulls.values():
            pull["state"] = "closed"
    else:
        merge(tmp_path, BRANCH)


def test_nobody_edits_without_being_logged_in(editor):
    for answer in (
        editor.get("/api/_/url-submission/test-list/global"),
        editor.post("/api/v1/url-submission/update-url", json={}),
        editor.post("/api/v1/url-submission/submit"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "Authentication required")


def test_fresh_account_sees_the_published_lists(editor):
    found = show(editor, "global").json()
    assert (found["state"], found["changes"], found["pr_url"]) == ("CLEAN", {}, None)
    assert len(found["test_list"]) == 31
    assert found["test_list"][-1] == {
        "url": "https://quoted.example/",
        "category_code": "MISC",
        "date_added": "2023-04-12",
        "source": "a, b",
        "notes": "",
    }
    assert show(editor, "XY").json()["test_list"] is None
    assert refused(show(editor, "ITA"), "err_invalid_country_code")
    assert refused(show(editor, "1."), "err_invalid_country_code")


def test_whole_life_of_a_proposal(editor, kind, github, tmp_path):
    assert update(editor, new=ONE).json() == {"updated_entry": ONE}
    found = show(editor).json()
    assert found["state"] == "IN_PROGRESS"
    assert found["test_list"].count(ONE) == 1
    assert found["test_list"][-1] == ONE
    assert [change["action"] for change in found["changes"]["us"]] == ["add"]
    assert found["changes"]["us"][0]["category_description"] == "File-sharing"
    assert update(editor, new=TWO).status_code == 200
    assert update(editor, old=TWO, new={}).json() == {"updated_entry": {}}
    assert len(show(editor).json()["changes"]["us"]) == 1
    first = show(editor, "it").json()["test_list"][0]
    assert update(editor, "IT", old=first, new={**first, "notes": "better"}, comment="say\nmore ").status_code == 200
    assert show(editor, "it").json()["test_list"][0]["notes"] == "better"

    answer = submit(editor)
    assert answer.status_code == 200
    assert submit(editor).json() == answer.json(), "proposing again is the same proposal"
    found = show(editor).json()
    assert found["state"] == "PR_OPEN"
    commits, files = branch(tmp_path, BRANCH)
    assert [message for message, _ in commits[:2]] == ["say more", "add example"]
    assert all("nick" not in author and "@users.noreply" in author for _, author in commits[:2])
    assert files["us.csv"].startswith(HEADER)
    assert files["us.csv"].splitlines()[-1] == "https://example-bogus-1.org/,FILE,File-sharing,2023-04-12,,x"
    assert files["global.csv"] == LISTS["global"], "other lists keep every byte"
    if kind == "github":
        assert found["pr_url"] == "https://github.com/citizenlab/test-lists/pull/800"
        assert answer.json() == {"pr_id": f"{github.url}/repos/citizenlab/test-lists/pulls/800"}
        assert github.pulls["800"]["head"] == f"ooni-bot:{BRANCH}"

    resolve(kind, github, tmp_path)
    found = show(editor).json()
    assert (found["state"], found["changes"], found["pr_url"]) == ("CLEAN", {}, None)


def test_change_of_an_open_proposal_withdraws_it(editor, kind, github, tmp_path):
    update(editor, new=ONE)
    submit(editor)
    assert update(editor, new=TWO).status_code == 200
    assert show(editor).json()["state"] == "IN_PROGRESS"
    if kind == "github":
        assert github.pulls["800"]["state"] == "closed"
    else:
        assert branch(tmp_path, BRANCH) is None
    assert submit(editor).status_code == 200
    _, files = branch(tmp_path, BRANCH)
    assert [line.partition(",")[0] for line in files["us.csv"].splitlines()[-2:]] == [ONE["url"], TWO["url"]]


def test_refused_change_leaves_an_open_proposal_open(editor):
    update(editor, new=ONE)
    submit(editor)
    assert refused(update(editor, new=ONE), "err_duplicate_url")
    assert refused(update(editor, old=TWO), "err_cannot_update_list")
    assert show(editor).json()["state"] == "PR_OPEN"


def test_accounts_do_not_see_each_other(editor):
    update(editor, new=ONE)
    theirs = show(editor, who=ADA).json()
    assert (theirs["state"], theirs["changes"]) == ("CLEAN", {})
    assert ONE not in theirs["test_list"]
    assert refused(submit(editor, who=ADA), "err_no_proposed_changes")


def test_what_others_published_meanwhile_is_underneath(editor, tmp_path):
    update(editor, new=ONE)
    publish(tmp_path, {"us": LISTS["us"] + "https://new.example/,NEWS,News Media,2023-04-13,,\n"})
    assert [each["url"] for each in show(editor).json()["test_list"]][1:] == ["https://new.example/", ONE["url"]]
    submit(editor)
    _, files = branch(tmp_path, BRANCH)
    assert "https://new.example/" in files["us.csv"]


def test_edit_that_others_made_meanwhile_is_nothing_to_propose(editor, tmp_path):
    update(editor, new=ONE)
    publish(tmp_path, {"us": LISTS["us"] + "https://example-bogus-1.org/,FILE,File-sharing,2023-04-12,,x\n"})
    assert show(editor).json()["test_list"].count(ONE) == 1
    assert refused(submit(editor), "err_no_proposed_changes")


def test_duplicates_are_refused(editor):
    answer = update(editor, new=row("https://0.world.example/"))
    assert refused(answer, "err_duplicate_url")
    assert answer.json()["err_args"] == {"url": "https://0.world.example/"}
    assert answer.json()["error"] == "https://0.world.example/ is duplicate"
    assert refused(update(editor, "global", new=row("https://1.world.example/")), "err_duplicate_url")
    italian = show(editor, "it").json()["test_list"][0]
    assert refused(
        update(editor, "it", old=italian, new={**italian, "url": "https://1.it.example/"}), "err_duplicate_url"
    )


def test_misspelt_category_description_of_old_tools_does_not_matter(editor):
    last = show(editor, "global").json()["test_list"][-1]
    assert update(editor, "global", old=last, new={**last, "notes": "ok"}).status_code == 200


@pytest.mark.parametrize(
    ("entry", "code"),
    [(row("https://example.org"), "err_bad_url"), ({**ONE, "account_id": "0" * 32}, "err_request_params")],
)
@pytest.mark.parametrize("kind", ["git"], indirect=True)
def test_line_that_cannot_be_right_is_refused(editor, entry, code):
    assert refused(update(editor, new=entry), code)
    assert show(editor).json()["state"] == "CLEAN"


@pytest.mark.parametrize("kind", ["git"], indirect=True)
@pytest.mark.parametrize("empty", [None, {}])
def test_nothing_to_change_is_refused(editor, empty):
    assert refused(update(editor, old=empty, new=empty), "err_no_proposed_changes")
    assert refused(update(editor, old=ONE, new=ONE), "err_no_proposed_changes")
    body = {"country_code": "US", "new_entry": ONE}
    answer = editor.post("/api/v1/url-submission/update-url", json=body, headers=session("user", NICK))
    assert refused(answer, "err_request_params")
    assert refused(update(editor, "xy", new=ONE), "err_country_not_supported")
    assert refused(update(editor, "xy", old=ONE), "err_country_not_supported")
    assert refused(update(editor, "USA", new=ONE), "err_invalid_country_code")


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_submission_that_github_refuses_can_be_tried_again(editor, github, caplog):
    update(editor, new=ONE)
    for status in (401, 403, 404, 422, 429):
        github.failures = [status]
        assert refused(submit(editor), "err_cannot_propose_changes")
        assert f"status {status} failing with {status}" in caplog.text, "operators see why"
        assert show(editor).json()["state"] == "IN_PROGRESS"
    assert submit(editor).status_code == 200


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_proposal_stays_open_while_github_does_not_say_otherwise(editor, github):
    update(editor, new=ONE)
    submit(editor)
    for status in (401, 403, 422, 429):
        github.failures = [status]
        assert show(editor).json()["state"] == "PR_OPEN"


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_edits_of_a_proposal_that_github_does_not_know_any_more_are_kept(editor, github):
    update(editor, new=ONE)
    submit(editor)
    github.pulls.clear()
    found = show(editor).json()
    assert (found["state"], [each["url"] for each in found["changes"]["us"]]) == ("IN_PROGRESS", [ONE["url"]])
    assert submit(editor).status_code == 200


@pytest.mark.parametrize("kind", ["git"], indirect=True)
def test_edits_that_one_account_sends_at_once_are_all_kept(editor):
    names = [f"https://new-{n}.example/" for n in range(5)]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda name: update(editor, new=row(name)), names))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert sorted(each["url"] for each in show(editor).json()["changes"]["us"]) == names


@pytest.mark.parametrize("kind", ["git"], indirect=True)
def test_page_that_asks_again_gets_a_list_only_when_it_changed(editor):
    def ask(tag):
        headers = session("user", NICK) | {"If-None-Match": tag}
        return editor.get("/api/_/url-submission/test-list/us", headers=headers)

    tag = show(editor).headers["etag"]
    assert (ask(tag).status_code, ask(tag).content) == (304, b"")
    update(editor, new=ONE)
    assert ask(tag).status_code == 200
    assert ask(tag).headers["cache-control"] == "max-age=0, no-cache"


def test_addition_to_the_global_list_names_the_countries_that_have_the_url(editor):
    italian = row("https://1.it.example/", "HUMR")
    answer = update(editor, "global", new=italian).json()
    assert answer == {"updated_entry": italian, "also_listed_in": ["it"]}
    assert update(editor, "global", new=ONE).json() == {"updated_entry": ONE}
    assert update(editor, "us", new=TWO).json() == {"updated_entry": TWO}


@pytest.mark.parametrize("kind", ["git"], indirect=True)
@pytest.mark.parametrize("content", ["", "{}", "[]", '{"state": "CLEAN", "edits": [1], "proposal": ""}'])
def test_damaged_working_copy_is_no_bug_and_stays_as_it_is(editor, tmp_path, content):
    show(editor)
    file = tmp_path / "data" / "test-list-editor" / "users" / f"{account_id_of(NICK, 'CHANGEME')}.json"
    file.write_text(content)
    assert show(editor).status_code == update(editor, new=ONE).status_code == 503
    assert file.read_text() == content


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_forgotten_pull_request_is_replaced(editor, github):
    github.react("POST", type("U", (), {"path": "/repos/citizenlab/test-lists/pulls"}), {"head": f"ooni-bot:{BRANCH}"})
    update(editor, new=ONE)
    assert submit(editor).json()["pr_id"].endswith("/801")
    assert github.pulls["800"]["state"] == "closed"


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_pull_request_that_cannot_be_closed_stops_the_change(editor, github):
    update(editor, new=ONE)
    submit(editor)
    pull = github.pulls.pop("800")
    github.pulls["800"] = pull
    react = github.react
    github.react = lambda method, url, content: (403, {}) if method == "PATCH" else react(method, url, content)
    assert refused(update(editor, new=TWO), "err_cannot_close_pr")
    assert show(editor).json()["state"] == "PR_OPEN"


@pytest.mark.parametrize("kind", ["github"], indirect=True)
def test_silent_forge_counts_as_an_open_proposal(editor, github):
    update(editor, new=ONE)
    submit(editor)
    react = github.react
    github.react = lambda method, url, content: (500, {})
    assert show(editor).json()["state"] == "PR_OPEN"
    github.react = react


@pytest.mark.parametrize("kind", ["git"], indirect=True)
def test_lists_are_shown_while_the_repository_is_away(editor, tmp_path):
    assert show(editor).json()["test_list"]
    (tmp_path / "origin.git").rename(tmp_path / "away.git")
    assert show(editor).json()["test_list"]
    update(editor, new=ONE)
    assert refused(submit(editor), "err_cannot_propose_changes")
    (tmp_path / "away.git").rename(tmp_path / "origin.git")
    assert submit(editor).status_code == 200


def test_token_goes_only_to_the_forge(editor, github, tmp_path):
    update(editor, new=ONE)
    submit(editor)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert b"secret" not in kept

"""GitHub's refusals and failures, one by one: what the forge makes of each, and that trying again is safe."""

import contextlib
import urllib.request
from types import SimpleNamespace

import attrs
import pytest

from ooni_adapters.git import branch_of
from ooni_adapters.github import GitHubForge
from ooni_core.errors import Conflict, NotFound, Unavailable
from tests.contract.probes.github_fake import GitHub
from tests.service import PATIENCE_SECONDS

REFUSALS = (401, 403, 404, 409, 410, 422, 429)
THREE_TIMES = (500, 502, 503, 504, "garbage", "half an answer", "hang up", "silence")


@pytest.fixture
def pushed():
    return []


@pytest.fixture
def forge(github, pushed, monkeypatch):
    """A forge that soon gives up a call which nobody will answer, and has all the time for the others."""
    really = urllib.request.urlopen

    def urlopen(request, timeout):
        return really(request, timeout=timeout if github.failures[:1] == ["silence"] else PATIENCE_SECONDS)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return GitHubForge(
        push=lambda branch, commit: pushed.append((branch, commit)),
        repository="citizenlab/test-lists",
        base="master",
        user="ooni-bot",
        token="secret",
        branch=branch_of,
        api=github.url,
        timeout=0.2,
        pause=lambda _: None,
    )


def propose(forge):
    return forge.propose("ada", "c0ffee", "Two changes in it")


def open_pulls(github):
    return [number for number, pull in github.pulls.items() if pull["state"] == "open"]


def test_proposal_is_a_pushed_branch_and_a_pull_request(forge, github, pushed):
    proposal = propose(forge)
    assert pushed == [("user-contribution/ada", "c0ffee")]
    assert proposal == f"{github.url}/repos/citizenlab/test-lists/pulls/800"
    assert github.pulls["800"] == {
        "head": "ooni-bot:user-contribution/ada",
        "base": "master",
        "title": "Two changes in it",
        "state": "open",
        "url": proposal,
    }
    assert forge.is_open(proposal)
    forge.close(proposal)
    assert not forge.is_open(proposal)
    forge.close(proposal)  # closed already: left alone
    assert github.logins == {"Basic b29uaS1ib3Q6c2VjcmV0"}


@pytest.mark.parametrize("status", REFUSALS)
def test_refusal_is_told_with_its_reason_and_not_repeated(forge, github, status):
    proposal = propose(forge)
    github.pulls.clear()
    github.calls.clear()
    github.failures = [status]
    with pytest.raises(Conflict, match=f"status {status} failing with {status}"):
        propose(forge)
    github.failures = [status]
    with pytest.raises(Conflict, match=f"status {status} failing with {status}"):
        forge.close(proposal)
    github.failures = [status]
    with pytest.raises(NotFound if status == 404 else Unavailable):
        forge.is_open(proposal)
    again = ["GET"] if status == 422 else []  # is a forgotten pull request in the way?
    assert github.calls == ["POST", *again, "PATCH", "GET"]
    assert propose(forge)


@pytest.mark.parametrize("failure", THREE_TIMES)
def test_silence_and_nonsense_are_tried_three_times(forge, github, failure):
    proposal = propose(forge)
    for ask in (lambda: forge.is_open(proposal), lambda: forge.close(proposal)):
        github.failures, github.calls = [failure] * 3, []
        with pytest.raises(Unavailable, match="GitHub does not answer"):
            ask()
        assert len(github.calls) == 3
        github.failures = [failure] * 2
        ask()


@pytest.mark.parametrize("failure", [*THREE_TIMES, "lost answer"])
def test_there_is_one_open_pull_request_whatever_became_of_the_first_answers(forge, github, failure):
    github.failures = [failure] * 3
    with contextlib.suppress(Unavailable):
        propose(forge)
    github.failures = [failure]
    proposal = propose(forge)
    assert open_pulls(github) == [proposal.rpartition("/")[2]]


@pytest.mark.parametrize("failures", [[], [401], ["hang up"] * 3])
def test_editors_who_ask_again_and_again_do_not_make_github_answer_each_time(forge, github, failures):
    patient = attrs.evolve(forge, patience=60)
    proposal = propose(patient)
    github.failures, github.calls = list(failures), []
    with contextlib.suppress(Unavailable):
        assert patient.is_open(proposal)
    asked = len(github.calls)
    assert [patient.is_open(proposal) for _ in range(9)] == [True] * 9
    assert len(github.calls) == asked
    other = propose(attrs.evolve(forge, branch=lambda account: "other"))
    patient.close(other)
    assert [patient.is_open(other) for _ in range(2)] == [False, False], (
        "what is closed stays so without being believed"
    )


@pytest.mark.parametrize("answer", [[], {}, {"url": 7}, "text", None])
def test_answer_of_another_shape_is_no_proposal(forge, github, answer):
    github.react = lambda method, url, content: (201, answer)
    with pytest.raises(Conflict, match="status 201"):
        propose(forge)


@pytest.mark.parametrize("answer", [[], {"state": None}, "text", None])
def test_state_of_another_shape_is_not_known(forge, github, answer):
    proposal = propose(forge)
    github.react = lambda method, url, content: (200, answer)
    with pytest.raises(Unavailable):
        forge.is_open(proposal)


def test_pull_request_that_cannot_be_closed_is_not_replaced(forge, github):
    propose(forge)
    react = github.react
    github.react = lambda method, url, content: (403, {}) if method == "PATCH" else react(method, url, content)
    with pytest.raises(Conflict):
        propose(forge)
    assert open_pulls(github) == ["800"]


def test_token_goes_to_no_address_that_a_proposal_names(forge, github):
    elsewhere = GitHub()
    try:
        with pytest.raises(NotFound):
            forge.is_open(f"{elsewhere.url}/repos/citizenlab/test-lists/pulls/900")
    finally:
        elsewhere.stop()
    assert not elsewhere.logins
    assert "secret" not in repr(forge) + repr(SimpleNamespace(forge=forge))

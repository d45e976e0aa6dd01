"""What can be said about a measurement."""

import pytest

from ooni_core.errors import Invalid
from ooni_core.feedback.model import STATUSES, Feedback


def test_fifteen_things_can_be_said():
    assert len(STATUSES) == len(set(STATUSES)) == 15
    assert {status.partition(".")[0] for status in STATUSES} == {"ok", "down", "blocked"}
    for status in STATUSES:
        assert Feedback(status, "bogus_uid", "a").status == status


@pytest.mark.parametrize("status", ["", "OK", "okay", "blocked.", "blocked.blockpage.other", "ok\n", "ok,down"])
def test_nothing_else_can_be_said(status):
    with pytest.raises(Invalid, match=r"^Invalid status$"):
        Feedback(status, "bogus_uid", "a")


@pytest.mark.parametrize("uid", ["", "abcd", "x" * 101, "with space", "line\nbreak", "caffè"])
def test_text_that_is_no_uid_is_refused(uid):
    with pytest.raises(Invalid, match=r"^Invalid request$"):
        Feedback("ok", uid, "a")


def test_status_is_looked_at_first():
    with pytest.raises(Invalid, match=r"^Invalid status$"):
        Feedback("foo", "", "a")

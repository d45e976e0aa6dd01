"""What admins decide, when the database fails in the middle of it."""

from datetime import UTC, datetime

import attrs
import pytest

from ooni_core.accounts.model import ADMIN, USER, AccountPolicy
from ooni_core.accounts.service import Accounts
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Invalid, Unavailable
from tests.stand_ins import HandClock

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADA = "a" * 32


@attrs.define
class Shelf:
    """Roles and thresholds, and what was done in which order; the call named *failing* fails."""

    roles: dict = attrs.field(factory=dict)
    thresholds: dict = attrs.field(factory=dict)
    done: list = attrs.field(factory=list)
    failing: int = 0

    def role(self, account_id):
        return self.roles.get(account_id)

    def threshold(self, account_id):
        return self.thresholds.get(account_id)

    def set_role(self, account_id, role):
        self._do("role")
        self.roles[account_id] = role

    def expunge(self, account_id, at):
        self._do("expunge")
        self.thresholds[account_id] = at

    def _do(self, name):
        self.done.append(name)
        if len(self.done) == self.failing:
            raise Unavailable("the database is away")


def accounts(shelf):
    guard = SessionGuard(keys=None, expunged=shelf, clock=HandClock(NOW))
    return Accounts(guard, link_keys=None, roles=shelf, mailer=None, policy=AccountPolicy("key", frozenset()))


def test_taking_a_role_away_ends_the_sessions_that_carry_it():
    shelf = Shelf({ADA: ADMIN})
    accounts(shelf).set_account_role(ADA, USER)
    assert (shelf.roles[ADA], shelf.thresholds[ADA]) == (USER, NOW)
    assert shelf.done[-1] == "expunge", "who logged in between was given the former role"


@pytest.mark.parametrize(
    ("before", "after"), [(None, USER), (None, ADMIN), (USER, ADMIN), (USER, USER), (ADMIN, ADMIN)]
)
def test_other_changes_end_no_session(before, after):
    shelf = Shelf({ADA: before} if before else {})
    accounts(shelf).set_account_role(ADA, f" {after.upper()} ")
    assert (shelf.roles[ADA], shelf.thresholds) == (after, {})


@pytest.mark.parametrize("failing", [1, 2])
def test_demotion_that_failed_is_completed_by_asking_again(failing):
    shelf = Shelf({ADA: ADMIN}, failing=failing)
    with pytest.raises(Unavailable):
        accounts(shelf).set_account_role(ADA, USER)
    accounts(shelf).set_account_role(ADA, USER)
    assert (shelf.roles[ADA], shelf.thresholds) == (USER, {ADA: NOW})


@pytest.mark.parametrize("role", ["", "root", "admin,user", "ADMIN\x00"])
def test_unknown_role_is_refused_and_nothing_done(role):
    shelf = Shelf({ADA: ADMIN})
    with pytest.raises(Invalid, match=r"^Invalid role$"):
        accounts(shelf).set_account_role(ADA, role)
    assert shelf.done == []

"""Accounts in memory, for tests."""

from datetime import UTC, datetime

import attrs

from ooni_core.accounts.mail import Mail
from ooni_core.accounts.ports import MailNotSent


@attrs.frozen
class MemoryAccountRoles:
    """AccountRoles in a dictionary."""

    roles: dict[str, str] = attrs.field(factory=dict)

    def role(self, account_id: str) -> str | None:
        """Return the role that was set last."""
        return self.roles.get(account_id)

    def set_role(self, account_id: str, role: str) -> None:
        """Remember a role."""
        self.roles[account_id] = role


@attrs.frozen
class MemoryExpungedSessions:
    """ExpungedSessions in a dictionary."""

    thresholds: dict[str, datetime] = attrs.field(factory=dict)

    def threshold(self, account_id: str) -> datetime | None:
        """Return the instant up to which issued sessions are void."""
        return self.thresholds.get(account_id)

    def expunge(self, account_id: str, at: datetime) -> None:
        """Make the sessions void that were issued up to *at*."""
        self.thresholds[account_id] = at.astimezone(UTC).replace(microsecond=0)


@attrs.define
class MemoryMailer:
    """A Mailer that keeps what it is given, until it is told to fail."""

    sent: list[Mail] = attrs.field(factory=list)
    failing: bool = False

    def send(self, mail: Mail) -> None:
        """Keep *mail*."""
        if self.failing:
            raise MailNotSent("the server is not there")
        self.sent.append(mail)

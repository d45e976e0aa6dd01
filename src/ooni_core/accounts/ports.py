"""What accounts need from outside."""

from datetime import datetime
from typing import Protocol

from ooni_core.accounts.mail import Mail
from ooni_core.errors import Unavailable


class AccountRoles(Protocol):
    """Remembers roles. An account is a keyed hash; nobody has to be known before a role is set."""

    def role(self, account_id: str) -> str | None:
        """Return the role that was set last, None when none ever was."""

    def set_role(self, account_id: str, role: str) -> None:
        """Remember a role; whoever asks next is told so.

        Raises:
            Unavailable: the medium failed; the role is the former or the new one, and setting it again is safe.
        """


class ExpungedSessions(Protocol):
    """Remembers since when sessions of an account are void."""

    def threshold(self, account_id: str) -> datetime | None:
        """Return the instant (aware, UTC) up to which issued sessions are void, None when all are good."""

    def expunge(self, account_id: str, at: datetime) -> None:
        """Make the sessions void that were issued up to *at* (aware), to the second. The last call counts.

        Raises:
            Unavailable: the medium failed; doing it again is safe.
        """


class MailNotSent(Unavailable):
    """No mail server took the mail; the message says why, without the address."""


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail) -> None:
        """Hand *mail* over to a mail server. On return the server has it.

        Raises:
            MailNotSent: the server is not there, too slow, or refuses the mail.
        """

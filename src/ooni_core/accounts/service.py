"""Accounts: login links by mail, sessions, and what admins decide about others."""

from datetime import UTC, datetime

import attrs

from ooni_core.accounts.mail import login_mail
from ooni_core.accounts.model import ADMIN, ROLES, USER, AccountPolicy, EmailAddress, OpenedSession, Session
from ooni_core.accounts.ports import AccountRoles, Mailer
from ooni_core.accounts.rules import account_id_of, login_link, redirect_host, session_end
from ooni_core.accounts.sessions import AUDIENCE, SessionGuard
from ooni_core.accounts.tokens import BadSignature, Expired, TokenError, TokenKeys, WrongAudience
from ooni_core.errors import Invalid, Unauthorized

_LINK_AUDIENCE = "register"
_LINK_SECONDS = 86_400


@attrs.frozen
class Accounts:
    """The use cases of people who log in by e-mail. An account exists for whoever can read the mail to an address.

    Attributes:
        guard: resolves sessions; its keys sign them.
        link_keys: sign login links. Derived for that alone, so that a link can never pass for a session.
        roles: who is more than a user.
        mailer: brings the links.
        policy: what the deployment decided.
    """

    guard: SessionGuard
    link_keys: TokenKeys
    roles: AccountRoles
    mailer: Mailer
    policy: AccountPolicy

    def account_id(self, email_address: EmailAddress) -> str:
        """Return the account id of an address in this deployment."""
        return account_id_of(email_address.text, self.policy.hashing_key)

    def register(self, email_address: str, redirect_to: str) -> datetime:
        """Send a login link by mail. What is known about the address makes no difference.

        Args:
            email_address: as typed.
            redirect_to: the web page to come back to.

        Returns:
            When the link expires (aware, UTC).

        Raises:
            Invalid: the address is none, or the page is not one of ours; checked in this order.
            MailNotSent: no mail server took it.
        """
        address = EmailAddress.parsed(email_address)
        url = redirect_to.strip()
        host = redirect_host(url, self.policy.login_hosts)
        if host is None:
            raise Invalid("Invalid request")
        now = int(self.guard.clock.now().timestamp())
        claims = {
            "nbf": now,
            "exp": now + _LINK_SECONDS,
            "aud": _LINK_AUDIENCE,
            "account_id": self.account_id(address),
            "email_address": address.text,
            "redirect_to": url,
        }
        self.mailer.send(login_mail(address, login_link(host, self.link_keys.sign(claims))))
        return datetime.fromtimestamp(now + _LINK_SECONDS, UTC)

    def login(self, link_token: str) -> OpenedSession:
        """Open a session for whoever holds the token of a login link.

        Raises:
            Unauthorized: with the text that clients know: ``Invalid token type``, ``Invalid credential signature``,
                ``Invalid credentials`` or ``Expired token``.
        """
        now = self.guard.clock.now()
        try:
            claims = self.link_keys.claims(link_token, _LINK_AUDIENCE, now.timestamp())
            claims["exp"]  # a link that is good for ever is none of ours
            address = EmailAddress(str(claims["email_address"]))
        except (WrongAudience, KeyError, Invalid) as exc:
            raise Unauthorized("Invalid token type") from exc
        except BadSignature as exc:
            raise Unauthorized("Invalid credential signature") from exc
        except Expired:
            raise
        except TokenError as exc:
            raise Unauthorized("Invalid credentials") from exc
        redirect_to = str(claims.get("redirect_to", ""))
        return self._opened(self.account_id(address), int(now.timestamp()), address.text, redirect_to)

    def refresh(self, authorization: str | None) -> OpenedSession:
        """Open a new session for who has one, with the role they have now. The old one stays good until it ends.

        Raises:
            Unauthorized: the header names no session.
        """
        session = self.guard.require(authorization)
        return self._opened(session.account_id, session.login_time, session.email_address)

    def role(self, email_address: str) -> str | None:
        """Return the role that was set for an address, None when none ever was.

        Raises:
            Invalid: the address is none.
        """
        return self.roles.role(self.account_id(EmailAddress.parsed(email_address)))

    def set_role(self, email_address: str, role: str) -> None:
        """Give an address a role. Nothing proves that anybody logged in with it.

        Raises:
            Invalid: the address is none, or there is no such role; checked in this order.
        """
        self.set_account_role(self.account_id(EmailAddress.parsed(email_address)), role)

    def set_account_role(self, account_id: str, role: str) -> None:
        """Give an account a role. Taking a role away also ends the sessions that still carry it.

        Raises:
            Invalid: there is no such role.
        """
        wanted = role.strip().lower()
        if wanted not in ROLES:
            raise Invalid("Invalid role")
        lowered = wanted != ADMIN and self.roles.role(account_id) == ADMIN
        if lowered:
            self.expunge_account(account_id)  # first, so that a failure leaves something to repeat
        self.roles.set_role(account_id, wanted)
        if lowered:
            self.expunge_account(account_id)  # again: who logged in meanwhile was given the former role

    def expunge(self, email_address: str) -> None:
        """End all sessions of an address now.

        Raises:
            Invalid: the address is none.
        """
        self.expunge_account(self.account_id(EmailAddress.parsed(email_address)))

    def expunge_account(self, account_id: str) -> None:
        """End all sessions of an account now; logging in again works from the next second on."""
        self.guard.expunged.expunge(account_id, self.guard.clock.now())

    def _opened(self, account_id: str, login_time: int, email_address: str, redirect_to: str = "") -> OpenedSession:
        now = int(self.guard.clock.now().timestamp())
        role = self.roles.role(account_id) or USER
        claims = {
            "nbf": now,
            "iat": now,
            "exp": session_end(now, login_time, self.policy),
            "aud": AUDIENCE,
            "account_id": account_id,
            "login_time": login_time,
            "role": role,
            "email_address": email_address,
        }
        session = Session(account_id, role, datetime.fromtimestamp(now, UTC), login_time, email_address)
        return OpenedSession(session, self.guard.keys.sign(claims), redirect_to)

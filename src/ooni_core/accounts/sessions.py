"""Sessions of people who logged in by e-mail: who they are and what they may do."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Protocol

import attrs

from ooni_core.accounts.tokens import TokenError, TokenKeys
from ooni_core.errors import Unauthorized
from ooni_core.ports import Clock

USER, ADMIN = "user", "admin"
_BEARER = "Bearer "
_LONGEST_KEY = 64


@attrs.frozen
class Session:
    """A person, as far as we want to know.

    Attributes:
        account_id: keyed hash of the e-mail address, 32 hex digits.
        role: ``user`` or ``admin``.
        issued: when the token was made (aware, UTC).
        login_time: seconds since 1970 of the login by e-mail.
        email_address: as newer tokens carry it, ``""`` otherwise.
    """

    account_id: str
    role: str
    issued: datetime
    login_time: int
    email_address: str = ""


class ExpungedSessions(Protocol):
    """Remembers since when sessions of an account are void."""

    def threshold(self, account_id: str) -> datetime | None:
        """Return the instant (aware, UTC) up to which issued sessions are void, None when all are good."""


class NoneExpunged:
    """ExpungedSessions of an installation that never expunged any."""

    def threshold(self, account_id: str) -> datetime | None:
        """Return None: all sessions are good."""
        return None


def account_id_of(email_address: str, key: str) -> str:
    """Return the account id of an e-mail address: the only trace of it that is ever stored.

    Args:
        email_address: white space around and case do not matter.
        key: secret of the deployment; another one gives other ids.

    Source: accounts of the OONI API, "E-mail handling and account id" (BLAKE2b, 16 bytes).
    """
    raw = key.encode()
    if len(raw) > _LONGEST_KEY:
        raw = hashlib.blake2b(raw).digest()
    return hashlib.blake2b(email_address.strip().lower().encode(), key=raw, digest_size=16).hexdigest()


@attrs.frozen
class SessionGuard:
    """Resolves the ``Authorization`` header, in one way for all routes."""

    keys: TokenKeys
    expunged: ExpungedSessions
    clock: Clock

    def session(self, authorization: str | None) -> Session | None:
        """Return who sends this header; None for anybody else, expired and expunged sessions included."""
        try:
            return self._valid(authorization)
        except Unauthorized:
            return None

    def require(self, authorization: str | None, roles: Collection[str] = (USER, ADMIN)) -> Session:
        """Return who sends this header, when they have one of *roles*.

        Raises:
            Unauthorized: with the text that clients know: ``Authentication required``, ``Role not authorized`` or
                ``Authentication token expired``.
        """
        session = self._decoded(authorization)
        if session.role not in roles:
            raise Unauthorized("Role not authorized")
        return self._not_expunged(session)

    def _valid(self, authorization: str | None) -> Session:
        return self._not_expunged(self._decoded(authorization))

    def _decoded(self, authorization: str | None) -> Session:
        if authorization is None or not authorization.startswith(_BEARER):
            raise Unauthorized("Authentication required")
        try:
            claims = self.keys.claims(authorization.removeprefix(_BEARER), "user_auth", self.clock.now().timestamp())
            return Session(
                account_id=str(claims["account_id"]),
                role=str(claims["role"]),
                issued=datetime.fromtimestamp(int(claims["iat"]), UTC),
                login_time=int(claims.get("login_time", claims["iat"])),
                email_address=str(claims.get("email_address", "")),
            )
        except (TokenError, KeyError, TypeError, ValueError, OverflowError) as exc:
            raise Unauthorized("Authentication required") from exc

    def _not_expunged(self, session: Session) -> Session:
        threshold = self.expunged.threshold(session.account_id)
        # Both have a resolution of one second: one that was issued in the same second is void, to be safe.
        if threshold is not None and session.issued <= threshold:
            raise Unauthorized("Authentication token expired")
        return session

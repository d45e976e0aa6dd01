"""Sessions of people who logged in by e-mail: who they are and what they may do."""

from collections.abc import Collection
from datetime import UTC, datetime

import attrs

from ooni_core.accounts.model import ROLES, Session
from ooni_core.accounts.ports import ExpungedSessions
from ooni_core.accounts.tokens import TokenError, TokenKeys
from ooni_core.errors import Unauthorized
from ooni_core.ports import Clock

AUDIENCE = "user_auth"
_BEARER = "Bearer "


@attrs.frozen
class SessionGuard:
    """Resolves the ``Authorization`` header, in one way for all routes."""

    keys: TokenKeys
    expunged: ExpungedSessions
    clock: Clock

    def session(self, authorization: str | None) -> Session | None:
        """Return who sends this header; None for anybody else, expired and expunged sessions included."""
        try:
            return self._not_expunged(self._decoded(authorization))
        except Unauthorized:
            return None

    def require(self, authorization: str | None, roles: Collection[str] = ROLES) -> Session:
        """Return who sends this header, when they have one of *roles*.

        Raises:
            Unauthorized: with the text that clients know: ``Authentication required``, ``Role not authorized`` or
                ``Authentication token expired``.
        """
        session = self._decoded(authorization)
        if session.role not in roles:
            raise Unauthorized("Role not authorized")
        return self._not_expunged(session)

    def _decoded(self, authorization: str | None) -> Session:
        if authorization is None or not authorization.startswith(_BEARER):
            raise Unauthorized("Authentication required")
        try:
            claims = self.keys.claims(authorization.removeprefix(_BEARER), AUDIENCE, self.clock.now().timestamp())
            claims["exp"]  # a session without an end is none of ours
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

"""Registration and login of probes: no accounts, only tokens that say "this is a probe"."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ooni_core.accounts.tokens import BadSignature, Malformed, TokenError, TokenKeys
from ooni_core.errors import Invalid, Unauthorized
from ooni_core.ports import NO_TALLY, Clock, Tally

_CLIENT, _TOKEN = "probe_login", "probe_token"
_ADVERTISED = timedelta(days=7)
# The server's own limit is later than the advertised one: a probe asks again only when *its* time is up.
_GRACE = timedelta(days=1)
_BEARER = "Bearer "


@attrs.frozen
class ProbeToken:
    """What a login gives: a token, and until when the probe should use it (aware, UTC)."""

    token: str
    expire: datetime


@attrs.frozen
class ProbeLogin:
    """Registers probes and logs them in.

    Attributes:
        keys: derived from the deployment's keys for probes alone. Anybody gets a probe token, so these keys must never
            be able to sign a session.
        tally: told of each login.
    """

    keys: TokenKeys
    clock: Clock
    tally: Tally = NO_TALLY

    def register(self) -> str:
        """Return a new client id. Nothing is stored."""
        return self.keys.sign({"iat": int(self.clock.now().timestamp()), "aud": _CLIENT})

    def login(self, username: Any) -> ProbeToken:
        """Exchange a client id for a token.

        Ids that are no tokens are those of probes registered before 2022; ids signed with a key that we no longer have
        are as good. A refused probe would never register again, and lose its inputs for good.

        Raises:
            Unauthorized: the id is a token of ours for something else.
        """
        now = self.clock.now()
        claims = {
            "registration_time": self._registered(username, now),
            "aud": _TOKEN,
            "iat": int(now.timestamp()),
            "exp": int((now + _ADVERTISED + _GRACE).timestamp()),
        }
        return ProbeToken(self.keys.sign(claims), (now + _ADVERTISED).astimezone(UTC))

    def _registered(self, username: Any, now: datetime) -> int | None:
        try:
            claims = self.keys.claims(username if isinstance(username, str) else "", _CLIENT, now.timestamp())
        except (Malformed, BadSignature):
            self.tally.count("probe_login_requests", state="ok", login="legacy")
            return None
        except TokenError as exc:
            self.tally.count("probe_login_requests", state="failed", login="standard")
            raise Unauthorized("Invalid credentials") from exc
        self.tally.count("probe_login_requests", state="ok", login="standard")
        registered = claims.get("iat")
        return registered if isinstance(registered, int) else None

    def check(self, authorization: str | None) -> None:
        """Make sure that the ``Authorization`` header is that of a probe that logged in.

        Raises:
            Unauthorized: it is not.
            Invalid: it is there, and no bearer token at all.
        """
        if authorization is None:
            raise Unauthorized("Invalid credentials")
        if not authorization.startswith(_BEARER):
            raise Invalid("Invalid token format")
        try:
            self.keys.claims(authorization.removeprefix(_BEARER), _TOKEN, self.clock.now().timestamp())
        except BadSignature as exc:
            raise Unauthorized("Invalid JWT signature") from exc
        except TokenError as exc:
            raise Unauthorized("Invalid credentials") from exc

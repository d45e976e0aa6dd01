"""JSON Web Tokens with HMAC-SHA256, and nothing else that the standards offer.

Source: RFC 7519 (claims) and RFC 7518 section 3.2 (HS256), as PyJWT implements them.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_core.accounts.tokens import BadSignature, Expired, Malformed, NotYetValid, TokenError, WrongAudience
from ooni_core.errors import Invalid

_ALGORITHM = "HS256"
_LEEWAY_SECONDS = 30
# Claims are checked below, against the service's own clock: the library would look at the machine's.
_SIGNATURE_ONLY = {"verify_signature": True} | dict.fromkeys(
    ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False
)


@attrs.frozen
class JwtKeys:
    """A TokenKeys ring.

    Attributes:
        keys: secrets, newest first.

    Raises:
        Invalid: there is no key, or an empty one.
    """

    keys: Sequence[bytes] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.keys or not all(self.keys):
            raise Invalid("at least one key is needed to sign tokens, and none may be empty")

    @classmethod
    def of(cls, texts: Sequence[str]) -> "JwtKeys":
        """Make a ring from texts."""
        return cls([text.encode() for text in texts])

    def derived(self, purpose: str) -> "JwtKeys":
        """Return keys for another purpose: a token signed for one can never pass for the other."""
        return JwtKeys([hmac.digest(key, purpose.encode(), "sha256") for key in self.keys])

    def joined(self, older: "JwtKeys") -> "JwtKeys":
        """Return a ring that signs with these keys and also verifies with *older*."""
        return JwtKeys([*self.keys, *older.keys])

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with *claims*, in their order."""
        import jwt  # here and below: most of what it brings is for other algorithms, and a start would wait for it

        return jwt.encode(dict(claims), self.keys[0], _ALGORITHM)

    def claims(self, token: str, audience: str, now: float) -> dict[str, Any]:
        """Verify *token* and return its claims; see TokenKeys."""
        claims = self._verified(token)
        if claims.get("aud") != audience:
            raise WrongAudience("Invalid credentials")
        _check_times(claims, now)
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        import jwt

        error: TokenError = BadSignature("Invalid credentials")
        for key in self.keys:
            try:
                return jwt.decode(token, key, [_ALGORITHM], options=_SIGNATURE_ONLY)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
                error = Malformed("Invalid credentials")
                error.__cause__ = exc
                break
        raise error


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    for name in ("exp", "nbf"):
        if not isinstance(claims.get(name, 0), int | float):
            raise Malformed("Invalid credentials")
    if "exp" in claims and now >= claims["exp"] + _LEEWAY_SECONDS:
        raise Expired("Expired token")
    if "nbf" in claims and now < claims["nbf"] - _LEEWAY_SECONDS:
        raise NotYetValid("Invalid credentials")

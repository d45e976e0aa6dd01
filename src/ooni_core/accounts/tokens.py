"""Signed tokens, as the domain sees them: claims in, text out, and the reasons why a text proves nothing."""

from collections.abc import Mapping
from typing import Any, Protocol

from ooni_core.errors import Unauthorized


class TokenError(Unauthorized):
    """A token does not prove anything."""


class Malformed(TokenError):
    """It is not a token of ours at all."""


class BadSignature(TokenError):
    """It is a token, and none of our keys made it."""


class WrongAudience(TokenError):
    """We made it, for something else; or it does not say for what."""


class Expired(TokenError):
    """It was good once."""


class NotYetValid(TokenError):
    """It is from the future."""


class TokenKeys(Protocol):
    """A ring of keys: the first signs, all verify, so that keys can be changed without losing anybody."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with *claims*."""

    def claims(self, token: str, audience: str, now: float) -> dict[str, Any]:
        """Verify *token* and return its claims.

        Args:
            token: three parts with dots between.
            audience: what it must have been made for.
            now: seconds since 1970. Half a minute of difference between clocks is allowed.

        Raises:
            Malformed, BadSignature, WrongAudience, Expired, NotYetValid: in this order of checking.
        """

"""Signed tokens: JSON Web Tokens with HMAC-SHA256, and nothing else that the standards offer.

Source: RFC 7515 (compact serialisation), RFC 7518 section 3.2 (HS256), RFC 7519 (claims).
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_core.errors import Invalid, Unauthorized

_HEADER = b'{"typ":"JWT","alg":"HS256"}'
_LEEWAY_SECONDS = 30


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


@attrs.frozen
class TokenKeys:
    """A ring of keys: the first signs, all verify, so that keys can be changed without losing anybody.

    Attributes:
        keys: secrets, newest first.
    """

    keys: Sequence[bytes] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.keys or not all(self.keys):
            raise Invalid("at least one key is needed to sign tokens, and none may be empty")

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TokenKeys":
        """Make a ring from texts."""
        return cls([text.encode() for text in texts])

    def derived(self, purpose: str) -> "TokenKeys":
        """Return keys for another purpose: a token signed for one can never pass for the other."""
        return TokenKeys([hmac.digest(key, purpose.encode(), "sha256") for key in self.keys])

    def joined(self, older: "TokenKeys") -> "TokenKeys":
        """Return a ring that signs with these keys and also verifies with *older*."""
        return TokenKeys([*self.keys, *older.keys])

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with *claims*, in their order."""
        signed = f"{_text(_HEADER)}.{_text(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{signed}.{_text(hmac.digest(self.keys[0], signed.encode(), hashlib.sha256))}"

    def claims(self, token: str, audience: str, now: float) -> dict[str, Any]:
        """Verify *token* and return its claims.

        Args:
            token: three parts with dots between.
            audience: what it must have been made for.
            now: seconds since 1970. Half a minute of difference between clocks is allowed.

        Raises:
            Malformed, BadSignature, WrongAudience, Expired, NotYetValid: in this order of checking.
        """
        signed, _, signature = token.rpartition(".")
        header, claims = _parts(signed)
        if header.get("alg") != "HS256":
            raise Malformed("Invalid credentials")
        self._verify(signed, signature)
        if claims.get("aud") != audience:
            raise WrongAudience("Invalid credentials")
        _check_times(claims, now)
        return claims

    def _verify(self, signed: str, signature: str) -> None:
        given = _bytes(signature)
        # Every key is tried, so that time says nothing about which one it was.
        fits = [hmac.compare_digest(hmac.digest(key, signed.encode(), hashlib.sha256), given) for key in self.keys]
        if not any(fits):
            raise BadSignature("Invalid credentials")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    for name in ("exp", "nbf"):
        if not isinstance(claims.get(name, 0), int | float):
            raise Malformed("Invalid credentials")
    if "exp" in claims and now >= claims["exp"] + _LEEWAY_SECONDS:
        raise Expired("Expired token")
    if "nbf" in claims and now < claims["nbf"] - _LEEWAY_SECONDS:
        raise NotYetValid("Invalid credentials")


def _parts(signed: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        header, claims = (json.loads(_bytes(part)) for part in signed.split("."))
    except (ValueError, RecursionError) as exc:
        raise Malformed("Invalid credentials") from exc
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Malformed("Invalid credentials")
    return header, claims


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        raw = text.encode("ascii")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as exc:
        raise Malformed("Invalid credentials") from exc

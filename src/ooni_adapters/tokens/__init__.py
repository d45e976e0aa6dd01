"""Tokens as JSON Web Tokens."""

from ooni_adapters.tokens.jwt import JwtKeys

__all__ = ["JwtKeys"]

"""The one tree of errors raised on purpose.

Anything else that escapes is a bug. Callers branch on the type, never on the message; the HTTP layer maps types to
status codes in one place (``ooni_entrypoints.http.errors``).
"""


class OoniError(Exception):
    """Root of every error raised on purpose."""

    code = "internal"


class Invalid(OoniError):
    """What the caller sent cannot be right; message and detail say what was wrong and what would be right.

    Attributes:
        detail: more words, where the message itself is a historical text that clients match.
    """

    code = "invalid"

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class TooLarge(Invalid):
    """The input is larger than the documented bound."""

    code = "too_large"


class Unauthorized(OoniError):
    """The caller did not prove who they are."""

    code = "unauthorized"


class Forbidden(OoniError):
    """The caller is known (or anonymous) and may not do this."""

    code = "forbidden"


class NotFound(OoniError):
    """There is no such thing."""

    code = "not_found"


class Conflict(OoniError):
    """Something else is already stored under that name; nothing was changed."""

    code = "conflict"


class Unavailable(OoniError):
    """A medium failed or is full. Trying again later is worth it."""

    code = "unavailable"


class QueryTimeout(Unavailable):
    """A read took longer than its limit and was cancelled."""

    code = "query_timeout"

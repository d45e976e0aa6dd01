"""Who somebody is, as far as we want to know."""

import re
from datetime import datetime

import attrs

from ooni_core.errors import Invalid

USER, ADMIN = "user", "admin"
ROLES = (USER, ADMIN)

_ADDRESS = re.compile(r"[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+")
_LONGEST_ADDRESS = 254


@attrs.frozen
class EmailAddress:
    """An address that mail can be sent to, in small letters. It is neither stored nor logged anywhere.

    Raises:
        Invalid: it is none.

    Source: accounts of the OONI API, "E-mail handling and account id"; the length is that of RFC 5321.
    """

    text: str = attrs.field(repr=False)

    @text.validator
    def _is_address(self, _: "attrs.Attribute[str]", text: str) -> None:
        if len(text) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(text):
            raise Invalid("Invalid email address")

    @classmethod
    def parsed(cls, raw: str) -> "EmailAddress":
        """Read what somebody typed; white space around and case do not matter.

        Raises:
            Invalid: it is no address.
        """
        # Checked before it is lowered: some letters beyond ASCII become ASCII ones when they are.
        return cls(cls(raw.strip()).text.lower())


@attrs.frozen
class Session:
    """Somebody who logged in.

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
    email_address: str = attrs.field(default="", repr=False)


@attrs.frozen
class OpenedSession:
    """A session, and the token that proves it.

    Attributes:
        redirect_to: where the person wanted to go when they asked for a login link; ``""`` after a refresh.
    """

    session: Session
    bearer: str = attrs.field(repr=False)
    redirect_to: str = ""


@attrs.frozen
class AccountPolicy:
    """What a deployment decides about accounts.

    Attributes:
        hashing_key: makes account ids from e-mail addresses; another one gives other ids.
        login_hosts: web pages that login links may lead to.
        session_seconds: how long one session token is good.
        login_seconds: how long after a login by e-mail sessions can be refreshed.
    """

    hashing_key: str = attrs.field(repr=False)
    login_hosts: frozenset[str]
    session_seconds: int = 2 * 86_400
    login_seconds: int = 7 * 86_400

"""What follows from what: account ids, where a login may lead to, how long a session is good."""

import hashlib
import unicodedata
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from ooni_core.accounts.model import AccountPolicy

_LONGEST_KEY = 64
_LONGEST_URL = 4096


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


def redirect_host(url: str, allowed: Collection[str]) -> str | None:
    """Return the host that *url* leads to, None unless it is exactly one of *allowed*, by https.

    A port, user information, another case or a control character (which browsers leave out before they look) make it
    another address.
    """
    if len(url) > _LONGEST_URL or any(unicodedata.category(character) == "Cc" for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.netloc if parts.scheme == "https" and parts.netloc in allowed else None


def login_link(host: str, token: str) -> str:
    """Return the link that the web page at *host* turns into a login. The page hands ``token`` on as ``k``."""
    return f"https://{host}/login?token={quote(token, safe='')}"


def session_end(now: int, login_time: int, policy: AccountPolicy) -> int:
    """Return when a session that is opened *now* ends: no refresh goes past the limit since the login by e-mail.

    All are seconds since 1970.
    """
    return min(now + policy.session_seconds, login_time + policy.login_seconds)

"""An opinion about a measurement, and what all opinions come to."""

import re
from collections.abc import Mapping

import attrs

from ooni_core.errors import Invalid

STATUSES = (
    "ok",
    "down",
    "down.unreachable",
    "down.misconfigured",
    "blocked",
    "blocked.blockpage",
    "blocked.blockpage.http",
    "blocked.blockpage.dns",
    "blocked.blockpage.server_side",
    "blocked.blockpage.server_side.captcha",
    "blocked.dns",
    "blocked.dns.inconsistent",
    "blocked.dns.nxdomain",
    "blocked.tcp",
    "blocked.tls",
)
"""All that can be said, from general to specific along the dots. Clients know these words; the list is closed."""

# Wider than the uids that we make: measurements of all times can be judged.
_UID = re.compile(r"[!-~]{5,100}")


@attrs.frozen
class Feedback:
    """What one account says about one measurement.

    Attributes:
        status: one of ``STATUSES``.

    Raises:
        Invalid: there is no such status, or no such uid; checked in this order.
    """

    status: str = attrs.field()
    measurement_uid: str = attrs.field()
    account_id: str

    @status.validator
    def _is_known(self, _: "attrs.Attribute[str]", status: str) -> None:
        if status not in STATUSES:
            raise Invalid("Invalid status")

    @measurement_uid.validator
    def _is_uid(self, _: "attrs.Attribute[str]", uid: str) -> None:
        if not _UID.fullmatch(uid):
            raise Invalid("Invalid request", "measurement_uid has 5 to 100 characters, without spaces")


@attrs.frozen
class FeedbackSummary:
    """What is said about one measurement.

    Attributes:
        votes: status -> number of accounts that say so now; without those that nobody says.
        own: what the account that asks says, None when it says nothing.
    """

    votes: Mapping[str, int]
    own: str | None = None

"""What an OONI Run link consists of."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from ooni_core.errors import Invalid
from ooni_core.instants import in_utc

MAX_LINK_ID = 2**63 - 1


def _milliseconds(_: object, attribute: "attrs.Attribute[Any]", value: datetime) -> None:
    if value.utcoffset() != timedelta(0) or value.microsecond % 1000:
        raise Invalid(f"{attribute.name} is {value!r}, expected an aware instant in UTC, to the millisecond")


@attrs.frozen
class LinkVersion:
    """One version of a link: a list of nettests, in its latest translation.

    Attributes:
        link_id: the link, the same for all its versions.
        descriptor: as its author sent it; unknown keys are kept.
        descriptor_creation_time: aware (UTC), to the millisecond: tells the versions of a link from each other.
        translation_creation_time: the same, of the latest change of this version.
        creator_account_id: who may change the link.
        archived: probes must not run it any more.
        expires: after this instant (aware, UTC) they must not either; None for never. That of the latest version holds
            for the link.
    """

    link_id: int = attrs.field(validator=[attrs.validators.ge(0), attrs.validators.le(MAX_LINK_ID)])
    descriptor: Mapping[str, Any]
    descriptor_creation_time: datetime = attrs.field(validator=_milliseconds)
    translation_creation_time: datetime = attrs.field(validator=_milliseconds)
    creator_account_id: str
    archived: bool = False
    expires: datetime | None = attrs.field(default=None, validator=in_utc)

    @property
    def order(self) -> tuple[datetime, datetime]:
        """Sorting versions of a link by this puts the newest last."""
        return self.descriptor_creation_time, self.translation_creation_time

    def has_ended(self, now: datetime) -> bool:
        """Say whether probes must not run it any more, for either reason."""
        return self.archived or (self.expires is not None and self.expires < now)

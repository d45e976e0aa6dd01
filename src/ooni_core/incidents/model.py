"""What an incident consists of."""

from datetime import datetime

import attrs

from ooni_core.errors import Invalid
from ooni_core.instants import in_utc


@attrs.frozen
class Content:
    """What its author writes.

    Attributes:
        text: Markdown.
        start_time: aware (UTC), to the second.
        end_time: the same, not before the start; None while it goes on.
        email_address: where staff can reach the author, ``""`` for nowhere. Shown to staff alone.
    """

    title: str = attrs.field(validator=attrs.validators.min_len(1))
    text: str = attrs.field(validator=attrs.validators.min_len(1))
    short_description: str
    reported_by: str
    event_type: str
    start_time: datetime = attrs.field(validator=in_utc)
    end_time: datetime | None = attrs.field(validator=in_utc)
    ccs: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    test_names: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    email_address: str = attrs.field(default="", repr=False)
    published: bool = False

    @end_time.validator
    def _ends_after_it_starts(self, _: "attrs.Attribute[datetime | None]", end: datetime | None) -> None:
        if end is not None and end < self.start_time:
            raise Invalid("end_time is before start_time")


@attrs.frozen
class Incident:
    """One incident.

    Attributes:
        id: digits, at most 12.
        slug: its readable name, which never changes and is never all digits.
        creator_account_id: who may change it, besides staff.
        create_time: aware (UTC), to the second.
        update_time: aware (UTC), to the millisecond; every version has a later one.
        deleted: it is remembered, and shown to nobody.
    """

    id: str = attrs.field(validator=attrs.validators.matches_re(r"[0-9]{1,12}"))
    slug: str
    content: Content
    creator_account_id: str
    create_time: datetime = attrs.field(validator=in_utc)
    update_time: datetime = attrs.field(validator=in_utc)
    deleted: bool = False

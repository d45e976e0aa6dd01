"""What the fleet consists of."""

from datetime import datetime

import attrs

from ooni_core.instants import in_utc


@attrs.frozen
class TestHelper:
    """One machine that measures for probes what a site answers without interference.

    Attributes:
        name: of the machine, never used twice; it ends in the time of creation.
        rdn: its place in the zone, such as ``0``.
        dns_zone: such as ``th.ooni.org``.
        provider: who runs the machine.
        region: where it runs, as the provider names it.
        ipv4: its address, empty for none.
        ipv6: its address, empty for none.
        draining_at: since when it gets no new probes, aware (UTC), to the second; None: it gets some.
        destroyed_at: when it was given back; None: it still exists.
    """

    __test__ = False  # the name begins with Test, and it is not one

    name: str = attrs.field(validator=attrs.validators.min_len(1))
    rdn: str
    dns_zone: str
    provider: str
    region: str
    ipv4: str = ""
    ipv6: str = ""
    draining_at: datetime | None = attrs.field(default=None, validator=in_utc)
    destroyed_at: datetime | None = attrs.field(default=None, validator=in_utc)

    @property
    def is_live(self) -> bool:
        """True while probes are sent to it."""
        return self.draining_at is None and self.destroyed_at is None

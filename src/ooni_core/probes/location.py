"""Where a client seems to be, and which claims of a probe are believed."""

import re
from typing import Protocol

import attrs

from ooni_core.errors import Invalid
from ooni_core.ports import NO_TALLY, Tally
from ooni_core.probes.address import Address

UNKNOWN_CC = "ZZ"
_CC = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"AS(\d{1,10})")


@attrs.frozen
class Location:
    """What is known about an address; each part may be unknown by itself.

    Attributes:
        cc: two capital letters.
        asn: number of the network.
        network_name: who runs it.
    """

    cc: str | None = None
    asn: int | None = None
    network_name: str | None = None

    @property
    def probe_cc(self) -> str:
        """Country as probes write it, ``ZZ`` when unknown."""
        return self.cc or UNKNOWN_CC

    @property
    def probe_asn(self) -> str:
        """Network as probes write it, ``AS0`` when unknown."""
        return f"AS{self.asn or 0}"


NOWHERE = Location()


class Geolocator(Protocol):
    """Knows where addresses are. Never raises: what is not known, or a database that is not there, is unknown."""

    def locate(self, address: Address) -> Location:
        """Return what is known about *address*."""


@attrs.frozen
class Place:
    """Country and network that a probe's inputs and reports are made for."""

    cc: str
    asn: int


def effective_place(claimed_cc: str, claimed_asn: str, located: Location) -> Place:
    """Decide which place holds for a probe.

    What the probe claims is believed, because a probe behind a circumvention tool knows better than we do; only one
    that knows neither country nor network gets the looked-up ones.

    Args:
        claimed_cc: ``ZZ`` when the probe does not know.
        claimed_asn: ``AS0`` when the probe does not know.
        located: what its address says.

    Raises:
        Invalid: a claim that cannot be right.
    """
    cc, asn = claimed_cc.upper(), _ASN.fullmatch(claimed_asn)
    if not _CC.fullmatch(cc) or asn is None or int(asn[1]) >= 2**32:
        raise Invalid("Malformed request", "expected probe_cc as two letters and probe_asn as AS and a number")
    if cc == UNKNOWN_CC and int(asn[1]) == 0:
        return Place(located.probe_cc, located.asn or 0)
    return Place(cc, int(asn[1]))


@attrs.frozen
class Origins:
    """Compares where probes say they are with where their addresses are, to be counted and nothing else.

    A probe may well be right when they differ, so nothing is refused for it.
    """

    geolocator: Geolocator
    tally: Tally = NO_TALLY

    def compare(self, probe_cc: str, probe_asn: int, client: Address | None) -> None:
        """Count whether a measurement comes from where its report says."""
        located = self.geolocator.locate(client) if client is not None else NOWHERE
        differing = [
            name
            for name, claimed, found in (("cc", probe_cc, located.probe_cc), ("asn", probe_asn, located.asn or 0))
            if claimed != found
        ]
        for name in differing:
            self.tally.count("probe_cc_asn_nomatch", mismatch=name)
        if not differing:
            self.tally.count("probe_cc_asn_match")

    def check_in(self, probe_cc: str, probe_asn: str, located: Location) -> None:
        """Count whether the address of a probe that checks in is known, and what the probe claims otherwise."""
        self.tally.count("geoip_ipaddr_not_found" if located == NOWHERE else "geoip_ipaddr_found")
        if probe_cc.upper() not in {UNKNOWN_CC, located.probe_cc}:
            self.tally.count("geoip_cc_differs")
        if probe_asn not in {"AS0", located.probe_asn}:
            self.tally.count("geoip_asn_differs")

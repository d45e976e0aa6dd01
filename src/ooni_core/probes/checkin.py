"""Check-in: one answer that tells a probe where it is, what to measure and how."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import attrs

from ooni_core.errors import Invalid
from ooni_core.measurement import ReportId
from ooni_core.ports import NO_TALLY, Clock, Entropy, Tally
from ooni_core.prioritization.model import ListedUrl
from ooni_core.prioritization.service import Prioritization
from ooni_core.probes.address import Address
from ooni_core.probes.location import NOWHERE, Geolocator, Location, Origins, Place, effective_place
from ooni_core.probes.services import Asking, ServiceDirectory

_NAME, _RELEASE = re.compile(r"[a-z][a-z-]{2,30}"), re.compile(r"\d{1,3}\.\d{1,3}")
EVERYTHING = 9999
"""URLs for people who ask themselves, and for ``test-list/urls`` without limit."""

_CHARGING, _ON_BATTERY = 100, 20
_RANDOM_BYTES, _SEED_BYTES = 12, 8

NETTESTS = (
    "bridge_reachability",
    "dash",
    "dns_consistency",
    "dnscheck",
    "facebook_messenger",
    "http_header_field_manipulation",
    "http_host",
    "http_invalid_request_line",
    "http_requests",
    "meek_fronted_requests_test",
    "multi_protocol_traceroute",
    "ndt",
    "psiphon",
    "riseupvpn",
    "tcp_connect",
    "telegram",
    "tor",
    "urlgetter",
    "vanilla_tor",
    "web_connectivity",
    "whatsapp",
)
"""Nettests that get a report id in every answer."""

_NEWER_NETTESTS = (
    "dnsping",
    "echcheck",
    "portfiltering",
    "quicping",
    "signal",
    "simplequicping",
    "sniblocking",
    "stunreachability",
    "tcpping",
    "tlsmiddlebox",
    "tlsping",
    "torsf",
)

_INPUTS: Mapping[str, Sequence[str]] = {
    "dnscheck": (
        "https://dns.google/dns-query",
        "https://cloudflare-dns.com/dns-query",
        "https://dns.quad9.net/dns-query",
        "dot://dns.google",
        "dot://dns.quad9.net",
    ),
    "stunreachability": ("stun://stun.l.google.com:19302", "stun://stun.voip.blackberry.com:3478"),
}


@attrs.frozen
class CheckInRequest:
    """What a probe says about itself. Everything is optional.

    Attributes:
        probe_cc: ``ZZ`` when it does not know.
        probe_asn: ``AS0`` when it does not know.
        limit: most URLs that it should get, by the occasion of the run.
        categories: the only categories wanted; empty for all.
    """

    probe_cc: str = "ZZ"
    probe_asn: str = "AS0"
    limit: int = _CHARGING
    categories: frozenset[str] = frozenset()
    platform: str = ""
    software_name: str = ""
    software_version: str = ""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CheckInRequest":
        """Read the body of a check-in; unknown keys are ignored, null counts as absent.

        Raises:
            Invalid: a value of the wrong type.
        """
        web = _typed(document, "web_connectivity", dict, {})
        return cls(
            probe_cc=_typed(document, "probe_cc", str, "ZZ"),
            probe_asn=_typed(document, "probe_asn", str, "AS0"),
            limit=url_limit(
                _typed(document, "run_type", str, "timed"), charging=_typed(document, "charging", bool, default=True)
            ),
            categories=_categories(_typed(web, "category_codes", list, [])),
            platform=_typed(document, "platform", str, ""),
            software_name=_typed(document, "software_name", str, ""),
            software_version=_typed(document, "software_version", str, ""),
        )

    @property
    def software(self) -> str:
        """What the probe runs, as ``ooniprobe-android 3.8``; ``other`` when it does not look like that."""
        release = _RELEASE.match(self.software_version)
        return f"{self.software_name} {release[0]}" if release and _NAME.fullmatch(self.software_name) else "other"


def _typed(document: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = document.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise Invalid("Malformed request", f"{key} has the wrong type")
    return value


def url_limit(run_type: str, *, charging: bool) -> int:
    """Return how many URLs a probe should get at most: people who start a run (``manual``) get all."""
    if run_type == "manual":
        return EVERYTHING
    return _CHARGING if charging else _ON_BATTERY


def _categories(codes: Sequence[Any]) -> frozenset[str]:
    """Normalise category codes.

    Raises:
        Invalid: one is not made of letters.
    """
    found = set()
    for code in codes:
        if not isinstance(code, str) or not code.strip().isalpha():
            raise Invalid("Malformed request", "category_codes are words of letters, such as NEWS")
        found.add(code.strip().upper())
    return frozenset(found)


@attrs.frozen
class _Assembled:
    place: Place
    located: Location
    features: dict[str, bool]
    helpers: dict[str, list[dict[str, str]]]
    urls: list[ListedUrl]
    report_ids: dict[str, str]
    utc_time: str


@attrs.frozen
class CheckInService:
    """Puts answers to check-ins together. Nothing is stored and nothing is waited for.

    Attributes:
        collector_id: identity of this host, part of the report ids it makes.
        tally: told of each answer.
    """

    prioritization: Prioritization
    geolocator: Geolocator
    directory: ServiceDirectory
    clock: Clock
    entropy: Entropy
    collector_id: str
    tally: Tally = NO_TALLY

    def check_in(self, request: CheckInRequest, client: Address | None) -> dict[str, Any]:
        """Answer a check-in.

        Args:
            request: what the probe says.
            client: its address, None when unknown. It is looked at and forgotten.

        Raises:
            Invalid: the claimed country or network cannot be right.
        """
        found = self._assembled(request, client, NETTESTS)
        tests: dict[str, dict[str, Any]] = {name: {"report_id": id} for name, id in found.report_ids.items()}
        tests["web_connectivity"]["urls"] = [
            {"category_code": entry.category_code, "country_code": entry.country_code, "url": entry.url}
            for entry in found.urls
        ]
        return {**self._head(found), "v": 1, "tests": tests}

    def check_in_v2(self, request: CheckInRequest, client: Address | None) -> dict[str, Any]:
        """Answer the experimental second form, in which every nettest gets inputs, options and attributes.

        Raises:
            Invalid: the claimed country or network cannot be right.
        """
        found = self._assembled(request, client, sorted(NETTESTS + _NEWER_NETTESTS))
        nettests = [
            {"report_id": id, "targets": _targets(name, found.urls), "test_name": name}
            for name, id in found.report_ids.items()
        ]
        head = self._head(found)
        # This form began without the flags that are sent to everybody.
        features = {name: value for name, value in found.features.items() if name != "torsf_enabled"}
        return {**head, "conf": {**head["conf"], "features": features}, "v": 2, "nettests": nettests}

    def _assembled(self, request: CheckInRequest, client: Address | None, names: Sequence[str]) -> _Assembled:
        services = self.directory.services()
        located = self.geolocator.locate(client) if client is not None else NOWHERE
        place = effective_place(request.probe_cc, request.probe_asn, located)
        Origins(self.geolocator, self.tally).check_in(request.probe_cc, request.probe_asn, located)
        random = self.entropy.bytes(_SEED_BYTES + _RANDOM_BYTES * len(names))
        now = self.clock.now().astimezone(UTC)
        asking = Asking(place.cc, place.asn, client, request.platform, request.software_name, request.software_version)
        urls = self.prioritization.urls(
            place.cc, place.asn, request.limit, request.categories, int.from_bytes(random[:_SEED_BYTES], "big")
        )
        self.tally.level("check_in_test_list_count", len(urls))
        self.tally.count("check_ins", software=request.software)
        return _Assembled(
            place=place,
            located=located,
            features=services.features_for(asking),
            helpers=services.helpers_for(client),
            urls=urls,
            report_ids=self._report_ids(names, place, random[_SEED_BYTES:]),
            utc_time=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        )

    def _report_ids(self, names: Sequence[str], place: Place, random: bytes) -> dict[str, str]:
        # The first is minted with all checks; the others differ only in name and random part.
        first = ReportId.mint(
            self.clock.now(), "web_connectivity", place.cc, place.asn, self.collector_id, random[:_RANDOM_BYTES]
        )
        opened, _, cc, asn, collector, _ = first.text.split("_")
        text = base64.b64encode(random, b"oo").decode()  # without padding inside: three bytes make four letters
        length = len(text) // len(names)
        tails = (text[start : start + length] for start in range(0, len(text), length))
        return {
            name: f"{opened}_{name.replace('_', '')}_{cc}_{asn}_{collector}_{tail}"
            for name, tail in zip(names, tails, strict=True)
        }

    @staticmethod
    def _head(found: _Assembled) -> dict[str, Any]:
        return {
            "conf": {"features": found.features, "test_helpers": found.helpers},
            "probe_asn": found.located.probe_asn,
            "probe_cc": found.located.probe_cc,
            "probe_network_name": found.located.network_name,
            "utc_time": found.utc_time,
        }


def _targets(name: str, urls: Sequence[ListedUrl]) -> list[dict[str, Any]]:
    if name == "web_connectivity":
        return [
            {
                "attributes": {"category_code": entry.category_code, "country_code": entry.country_code},
                "input": entry.url,
                "options": {},
            }
            for entry in urls
        ]
    return [{"attributes": {}, "input": input, "options": {}} for input in _INPUTS.get(name, ())]

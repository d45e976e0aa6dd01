"""What probes find where: collectors, test helpers, feature flags. Deployment data, read from one document."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs
import cattrs

from ooni_core.errors import Invalid
from ooni_core.probes.address import Address, anonymised

_LONGEST_NUMBER = 18
_TYPES = ("https", "cloudfront", "onion", "legacy")


@attrs.frozen
class Endpoint:
    """An address of a service, and how to reach it.

    Attributes:
        address: base URL, or host and port for ``legacy`` ones.
        type: https, cloudfront, onion or legacy.
        front: host to connect to, for cloudfront only.
    """

    address: str = attrs.field(validator=attrs.validators.min_len(1))
    type: str = attrs.field(validator=attrs.validators.in_(_TYPES))
    front: str | None = None

    def document(self) -> dict[str, str]:
        """Return what probes read. ``front`` is absent, never null."""
        found = {"address": self.address, "type": self.type}
        return found if self.front is None else {**found, "front": self.front}


@attrs.frozen
class WebHelpers:
    """The helpers of web_connectivity.

    Attributes:
        pool: base URLs; which comes first depends on the client.
        last: tried after the pool by everybody.
        unhealthy: members of the pool that are offered after the others for now.
    """

    pool: tuple[str, ...] = attrs.field(validator=attrs.validators.min_len(1))
    last: tuple[Endpoint, ...] = ()
    unhealthy: tuple[str, ...] = ()

    def ordered(self, client: Address | None) -> tuple[Endpoint, ...]:
        """Return all helpers in the order in which *client* should try them."""
        shift = shift_of(client, len(self.pool))
        rotated = self.pool[shift:] + self.pool[:shift]
        healthy = sorted(rotated, key=lambda url: url in self.unhealthy)
        return (*(Endpoint(url, "https") for url in healthy), *self.last)


def shift_of(client: Address | None, helpers: int) -> int:
    """Say which helper a client tries first, always the same for the same address.

    The first helper of the pool has special duties, so that only a tenth of the clients begin there; the others share
    the rest.

    Source: probe services of the OONI API, "Rotation".
    """
    if helpers < 2:
        return 0
    quantile = 12 if client is None else int(client) % 100
    return 0 if quantile < 10 else quantile % (helpers - 1) + 1


@attrs.frozen
class Asking:
    """What a feature flag may depend on."""

    cc: str = ""
    asn: int = 0
    client: Address | None = None
    platform: str = ""
    software_name: str = ""
    software_version: str = ""


@attrs.frozen
class Feature:
    """A flag for probes, and who gets it. All given conditions must hold; the first fitting feature of a name counts.

    ``<experiment>_enabled`` set to false switches that experiment off in probes, so no flag is sent unless it is meant.

    Attributes:
        name: as probes know it.
        value: true or false, nothing else: another type would make probes drop the whole answer.
        percent: share of networks (of /24 or, for IPv6, /32) that get it, decided by a hash of network and name.
        cc: countries.
        asn: networks.
        platforms: as probes send it.
        software_names: as probes send it.
        software_since: lowest version of the software, such as ``3.19.0``.
        second_octets: second number of the client's IPv4 address, for comparisons with older samples.
    """

    name: str = attrs.field(validator=attrs.validators.min_len(1))
    value: bool = attrs.field(validator=attrs.validators.instance_of(bool))
    percent: float = attrs.field(default=100.0)
    cc: tuple[str, ...] = ()
    asn: tuple[int, ...] = ()
    platforms: tuple[str, ...] = ()
    software_names: tuple[str, ...] = ()
    software_since: str = ""
    second_octets: tuple[int, ...] = ()

    @percent.validator
    def _check_percent(self, _: "attrs.Attribute[float]", value: float) -> None:
        if not 0 <= value <= 100:
            raise ValueError("percent is a number from 0 to 100")

    def fits(self, asking: Asking) -> bool:
        """Say whether a probe gets this flag."""
        return (
            (not self.cc or asking.cc in self.cc)
            and (not self.asn or asking.asn in self.asn)
            and (not self.platforms or asking.platform in self.platforms)
            and (not self.software_names or asking.software_name in self.software_names)
            and (not self.software_since or _version(asking.software_version) >= _version(self.software_since))
            and (not self.second_octets or _second_octet(asking.client) in self.second_octets)
            and (self.percent >= 100 or _portion(self.name, asking.client) < self.percent)
        )


def _version(text: str) -> tuple[int, ...]:
    numbers = text.partition("-")[0].split(".")
    # Strangers choose the text, and reading a number of thousands of digits is refused.
    return tuple(int(number[:_LONGEST_NUMBER]) if number.isdecimal() else -1 for number in numbers)


def _second_octet(client: Address | None) -> int | None:
    return client.packed[1] if client is not None and client.version == 4 else None


def _portion(name: str, client: Address | None) -> float:
    digest = hashlib.blake2b(f"{name} {anonymised(client)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * 100


@attrs.frozen
class LegacyHelpers:
    """What ``/bouncer/net-tests`` tells probes of 2012 to 2020."""

    collector: str
    collector_alternate: tuple[Endpoint, ...]
    test_helpers: Mapping[str, str]
    test_helpers_alternate: Mapping[str, tuple[Endpoint, ...]]


@attrs.frozen
class ProbeServices:
    """Everything that probes are told about the deployment."""

    collectors: tuple[Endpoint, ...]
    test_helpers: Mapping[str, tuple[Endpoint, ...]]
    web_connectivity: WebHelpers
    features: tuple[Feature, ...]
    bouncer: LegacyHelpers

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ProbeServices":
        """Read a document such as ``DEFAULT_SERVICES``.

        Raises:
            Invalid: an unknown key, a missing one, or a value that cannot be right.
        """
        try:
            return _CONVERTER.structure(document, cls)
        except (cattrs.errors.ClassValidationError, cattrs.BaseValidationError) as exc:
            raise Invalid(f"probe services: {'; '.join(cattrs.transform_error(exc))}") from exc

    def helpers_for(self, client: Address | None) -> dict[str, list[dict[str, str]]]:
        """Return the map of test helpers in the order for *client*."""
        found = {name: [each.document() for each in helpers] for name, helpers in self.test_helpers.items()}
        found["web-connectivity"] = [each.document() for each in self.web_connectivity.ordered(client)]
        return found

    def features_for(self, asking: Asking) -> dict[str, bool]:
        """Return the flags for one probe; a flag that is not there leaves the probe its own default."""
        found: dict[str, bool] = {}
        for feature in self.features:
            if feature.name not in found and feature.fits(asking):
                found[feature.name] = feature.value
        return found

    def net_tests_for(self, requested: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Answer the legacy request for collectors and helpers, one block for each net-test.

        Raises:
            Invalid: no net-test, or one without name and version.
        """
        return list(self._blocks(requested))

    def _blocks(self, requested: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        if not requested:
            raise Invalid("Malformed request")
        for net_test in requested:
            name, version = (
                (net_test.get("name"), net_test.get("version")) if isinstance(net_test, Mapping) else (None, None)
            )
            if not (isinstance(name, str) and isinstance(version, str)):
                raise Invalid("Malformed request")
            yield {
                "collector": self.bouncer.collector,
                "collector-alternate": [each.document() for each in self.bouncer.collector_alternate],
                "input-hashes": None,
                "name": name,
                "test-helpers": dict(self.bouncer.test_helpers),
                "test-helpers-alternate": {
                    helper: [each.document() for each in others]
                    for helper, others in self.bouncer.test_helpers_alternate.items()
                },
                "version": version,
            }


class ServiceDirectory(Protocol):
    """Gives what probes are told right now. Never raises: the last good document stays in force."""

    def services(self) -> ProbeServices:
        """Return it."""


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)


def _exactly_bool(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - the converter reports values, not types
    return value


_CONVERTER.register_structure_hook(bool, _exactly_bool)

_CDN_API = {"address": "https://dkyhjv0wpi2dk.cloudfront.net", "front": "dkyhjv0wpi2dk.cloudfront.net"}
_CDN_HELPER = {"address": "https://d33d1gs9kpq1c5.cloudfront.net", "front": "d33d1gs9kpq1c5.cloudfront.net"}
_ONION = "httpo://guegdifjy7bjpequ.onion"
_COLLECTORS = [
    {"address": _ONION, "type": "onion"},
    {"address": "https://ams-pg.ooni.org:443", "type": "https"},
    {**_CDN_API, "type": "cloudfront"},
]


def _twice(address: str) -> list[dict[str, str]]:
    return [{"address": address, "type": "legacy"}] * 2


DEFAULT_SERVICES: Mapping[str, Any] = {
    "collectors": _COLLECTORS * 2,
    "test_helpers": {
        "dns": _twice("37.218.241.93:57004"),
        "http-return-json-headers": _twice("http://37.218.241.94:80"),
        "ssl": _twice("https://37.218.241.93"),
        "tcp-echo": _twice("37.218.241.93"),
        "traceroute": _twice("37.218.241.93"),
    },
    "web_connectivity": {
        "pool": [f"https://{number}.th.ooni.org" for number in range(4)],
        "last": [{**_CDN_HELPER, "type": "cloudfront"}],
    },
    "features": [
        {"name": "torsf_enabled", "value": True},
        {"name": "webconnectivity_0.5", "value": True, "second_octets": [34, 239]},
    ],
    "bouncer": {
        "collector": _ONION,
        "collector_alternate": [
            {"address": "https://ams-pg.ooni.org", "type": "https"},
            {**_CDN_API, "type": "cloudfront"},
        ],
        "test_helpers": {
            "tcp-echo": "37.218.241.93",
            "http-return-json-headers": "http://37.218.241.94:80",
            "web-connectivity": "httpo://y3zq5fwelrzkkv3s.onion",
        },
        "test_helpers_alternate": {
            "web-connectivity": [
                {"address": "https://wcth.ooni.io", "type": "https"},
                {**_CDN_HELPER, "type": "cloudfront"},
            ]
        },
    },
}
"""The addresses that installed probes know, as a document; a deployment replaces it by its own."""

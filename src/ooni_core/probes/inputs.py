"""Inputs that operators put into files for probes: Tor targets, the Psiphon configuration, VPN credentials."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from ooni_core.errors import Invalid, NotFound
from ooni_core.ports import Entropy
from ooni_core.prioritization.chance import Chance

_MOST_ENDPOINTS = 4
_SECRETS = ("ca", "cert", "key")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z")


class InputDocument(Protocol):
    """A JSON object that operators edit."""

    def content(self, country_code: str = "") -> bytes:
        """Return its text as it stands; *country_code* may have one of its own.

        Raises:
            Unavailable: there never was a good one.
        """


@attrs.frozen
class ProbeInputs:
    """The documents behind the routes for logged-in probes."""

    psiphon_config: InputDocument
    tor_targets: InputDocument


@attrs.frozen
class VpnConfigs:
    """Credentials and endpoints of VPN providers.

    Attributes:
        providers: document of each provider, by name; see ``check_vpn_config``.
    """

    providers: Mapping[str, InputDocument]
    entropy: Entropy

    def config(self, provider: str) -> dict[str, Any]:
        """Return what a probe needs to try *provider*: credentials, and a few endpoints by chance.

        Raises:
            NotFound: there is no such provider.
            Unavailable: there are no credentials on this host.
        """
        if provider not in self.providers:
            raise NotFound("provider not found")
        document = json.loads(self.providers[provider].content())
        chance = Chance(int.from_bytes(self.entropy.bytes(8), "big"))
        return {
            "provider": provider,
            "protocol": "openvpn",
            "config": {name: document[name] for name in _SECRETS},
            "date_updated": document["date_updated"],
            "endpoints": chance.some(document["endpoints"], _MOST_ENDPOINTS),
        }


def check_vpn_config(document: Mapping[str, Any]) -> None:
    """Check a provider's document: texts ``ca``, ``cert``, ``key``, ``date_updated`` and a list ``endpoints``.

    Raises:
        Invalid: probes could not use it. The message never holds values, which are secret.
    """
    for name in (*_SECRETS, "date_updated"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise Invalid(f"a VPN configuration needs a text {name}")
    if not _TIME.fullmatch(document["date_updated"]):
        raise Invalid("date_updated of a VPN configuration is not like 2026-08-01T00:00:00Z")
    endpoints = document.get("endpoints")
    if not isinstance(endpoints, Sequence) or not endpoints or not all(_is_endpoint(each) for each in endpoints):
        raise Invalid(
            "endpoints of a VPN configuration is a list of texts such as openvpn://name.corp/?address=ip:port"
        )


def _is_endpoint(text: Any) -> bool:
    return isinstance(text, str) and text.startswith("openvpn")

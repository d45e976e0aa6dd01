"""VPN providers: what they publish about themselves, and what probes get of it."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ooni_core.errors import Invalid

_PEM = re.compile(r"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----.*?-----END (?P=kind)-----", re.DOTALL)
_TRANSPORTS = ("tcp", "udp")


def vpn_document(provider: str, ca: str, identity: str, gateways: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Put together what probes need to try a provider; see ``check_vpn_config``.

    Args:
        provider: its name, ``riseupvpn``.
        ca: certificate of its authority (PEM).
        identity: the certificate and the private key that it gives to everybody, in one text (PEM).
        gateways: its list of gateways.
        now: when it was fetched (aware).

    Raises:
        Invalid: a part is missing or cannot be right. The message never holds keys.

    Source: LEAP platform, ``eip-service.json`` version 3.
    """
    return {
        "ca": _block(ca, "CERTIFICATE", "the authority's file"),
        "cert": _block(identity, "CERTIFICATE", "the client's file"),
        "key": _block(identity, "PRIVATE KEY", "the client's file"),
        "date_updated": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "endpoints": _endpoints(provider, gateways),
    }


def _block(text: str, kind: str, where: str) -> str:
    found = next((match[0] for match in _PEM.finditer(text) if match["kind"].endswith(kind)), None)
    if found is None:
        raise Invalid(f"{where} holds no {kind} in PEM form")
    return found


def _endpoints(provider: str, gateways: Mapping[str, Any]) -> list[str]:
    """Return one text for each OpenVPN transport, protocol and port of each gateway, each once, sorted.

    Raises:
        Invalid: there is none.
    """
    try:
        found = sorted(set(_addresses(gateways)))
    except (KeyError, TypeError, ValueError) as exc:
        raise Invalid(f"the list of gateways is not that of a LEAP provider: {exc!r:.200}") from exc
    if not found:
        raise Invalid("the list of gateways names no gateway that speaks OpenVPN")
    return [f"openvpn://{provider}.corp/?address={address}&transport={protocol}" for address, protocol in found]


def _addresses(gateways: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for gateway in gateways["gateways"]:
        address = ipaddress.ip_address(gateway["ip_address"])
        host = f"[{address}]" if address.version == 6 else str(address)
        for transport in gateway["capabilities"]["transport"]:
            if transport["type"] != "openvpn":
                continue
            for protocol in transport["protocols"]:
                for port in map(int, transport["ports"]):
                    if protocol not in _TRANSPORTS or not 0 < port < 65536:
                        raise ValueError(f"{protocol} port {port}")
                    yield f"{host}:{port}", protocol

"""Who is calling: one rule for every part of the service that needs the client's address."""

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded_for: Sequence[str], real_ip: str, trusted: Iterable[Network]) -> Address | None:
    """Find the address of the client behind the proxies that we run.

    Only a trusted peer is believed what it says about others. ``X-Forwarded-For`` is read from the right, past our own
    proxies, because whatever stands left of the first stranger was written by that stranger.

    Args:
        peer: address of the socket's other end.
        forwarded_for: values of the ``X-Forwarded-For`` headers, in their order.
        real_ip: value of ``X-Real-IP``, ``""`` when absent.
        trusted: networks of our proxies.

    Returns:
        The address, None when nothing could be read. IPv4 in IPv6 notation comes back as IPv4.
    """
    networks = tuple(trusted)
    direct = parsed(peer)
    if direct is not None and not _within(direct, networks):
        return direct
    hops = [parsed(hop) for value in forwarded_for for hop in value.split(",")]
    for hop in reversed(hops):
        if hop is None:
            break
        if not _within(hop, networks):
            return hop
    return parsed(real_ip) or next((hop for hop in hops if hop is not None), direct)


def parsed(text: str) -> Address | None:
    """Read an address as proxies and sockets write it: with port, brackets, zone or spaces around."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def anonymised(address: Address | None) -> str:
    """Write an address for logs: IPv4 without its last number, IPv6 with its first two groups only."""
    if address is None:
        return "-"
    length = 24 if address.version == 4 else 32
    return str(ipaddress.ip_network((address, length), strict=False).network_address)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)

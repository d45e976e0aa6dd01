"""The client's address of a request: the one rule that location, feature flags, helpers and quotas share."""

import functools
import ipaddress
from typing import Any

from litestar import Request

from ooni_core.probes.address import Address, Network, client_address
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]


def address_of(request: AnyRequest, settings: ServiceSettings) -> Address | None:
    """Return the address of who sent *request*, past the proxies that the settings trust. None when unknown.

    It is for looking at and forgetting: it is neither stored nor logged.
    """
    peer = request.client.host if request.client else ""
    headers = request.headers
    return client_address(
        peer,
        headers.getall("x-forwarded-for", []),
        headers.get("x-real-ip", ""),
        _networks(settings.trusted_proxies),
    )


@functools.lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)

"""The list of Tor relays and bridges that probes try to reach."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ooni_core.errors import Invalid

PROTOCOLS = ("or_port_dirauth", "dir_port", "or_port", "obfs4")
_ADDRESS = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}")
_KEYS = {"address", "fingerprint", "name", "protocol", "params", "source"}


def check_tor_targets(document: Any) -> None:
    """Check a tor-targets document.

    Raises:
        Invalid: probes could not use it; the message lists everything that is wrong, by target.
    """
    if not isinstance(document, Mapping):
        raise Invalid("tor-targets: expected an object of targets by id")
    problems = [f"{name}: {problem}" for name, target in document.items() for problem in _problems(target)]
    if problems:
        raise Invalid("tor-targets: " + "; ".join(problems))


def _problems(target: Any) -> Iterator[str]:
    if not isinstance(target, Mapping):
        yield "expected an object"
        return
    unknown = set(target) - _KEYS
    if unknown:
        yield f"unknown keys {', '.join(sorted(unknown))}"
    address = target.get("address")
    port = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if port is None or not 0 < int(port[1]) < 65536:
        yield f"address {address!r} is not ip:port ([ip]:port for IPv6)"
    if not isinstance(target.get("fingerprint"), str) or not _FINGERPRINT.fullmatch(target["fingerprint"]):
        yield "fingerprint is not 40 hex digits"
    if target.get("protocol") not in PROTOCOLS:
        yield f"protocol {target.get('protocol')!r} is not one of {', '.join(PROTOCOLS)}"
    for key in ("name", "source"):
        if not isinstance(target.get(key, ""), str):
            yield f"{key} is not a text"
    params = target.get("params")
    if params is not None and not _is_params(params):
        yield "params is not an object of lists of texts"
    if target.get("protocol") == "obfs4" and not (params and "cert" in params):
        yield "obfs4 needs params with cert"


def _is_params(params: Any) -> bool:
    return isinstance(params, Mapping) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in params.values()
    )

"""Test keys of the legacy DNS nettests, whose answers are texts printed by a Python library."""

import re
from typing import Any

from ooni_core.measurement.legacy_text import Unsupported, clean

_HOSTNAME = re.compile(r"\[Query\('(.+)'")
_ADDRESS = r"address=(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})"
_NAME = "=([^ >]+)"
_DIGITS = r"=(\d+)"
# What to look for in the text of an answer, by its type. That a mail exchange is searched like an address is a fault
# of the time, kept because published data has it.
_PARTS = {
    "A": {"ipv4": _ADDRESS},
    "MX": {"hostname": _ADDRESS, "preference": f"preference{_DIGITS}"},
    "PTR": {"hostname": f"name{_NAME}"},
    "CNAME": {"hostname": f"name{_NAME}"},
    "SOA": {
        "responsible_name": f"rname{_NAME}",
        "hostname": f"mname{_NAME}",
        "serial_number": f"serial{_DIGITS}",
        "refresh_interval": f"refresh{_DIGITS}",
        "retry_interval": f"retry{_DIGITS}",
        "minimum_ttl": f"minimum{_DIGITS}",
        "expiration_limit": f"expire{_DIGITS}",
    },
}


def normalise_dns(test_name: str, keys: dict[str, Any]) -> None:
    """Bring queries, answers and conclusions into today's form.

    Raises:
        Unsupported: the queries have another shape.
    """
    keys.pop("test_resolvers", None)
    tampering = keys.pop("tampering", None)
    if isinstance(tampering, dict) and tampering:
        keys["errors"] = tampering
        keys["successful"] = [name for name, changed in tampering.items() if changed is False]
        keys["failed"] = [name for name, changed in tampering.items() if changed is not True]
        keys["inconsistent"] = [name for name, changed in tampering.items() if changed is True]
    elif test_name == "dns_consistency":
        keys.update(errors={}, successful=[], failed=[], inconsistent=[])
    queries = keys.get("queries") or []
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        raise Unsupported("queries is no list of objects")
    keys["queries"] = [_query(query) for query in queries]


def _query(query: dict[str, Any]) -> dict[str, Any]:
    hostname = _HOSTNAME.search(str(clean(query.get("query"))))
    resolver = query.get("resolver")
    pair = resolver if isinstance(resolver, list) and len(resolver) == 2 else (None, None)
    given = query.get("answers")
    answers = [_answer(answer) for answer in (given if isinstance(given, list) else ())]
    kept = {name: value for name, value in query.items() if name not in {"query", "resolver", "addrs"}}
    return {
        **kept,
        "hostname": hostname[1] if hostname else None,
        "resolver_hostname": pair[0],
        "resolver_port": pair[1],
        "answers": answers,
        "failure": query.get("failure") or (None if answers else "no_answer"),
    }


def _answer(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, list) or len(answer) != 2:
        raise Unsupported("a DNS answer is no pair of texts")
    record, payload = (str(clean(part)) for part in answer)
    kind = _found(r"type=([A-Z]+)", record)
    parts = {name: _found(pattern, payload) for name, pattern in _PARTS.get(kind, {}).items()}
    return {"ttl": _found(r"ttl=(\d+)", record), "answer_type": kind, **parts}


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""

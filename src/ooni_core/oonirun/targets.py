"""The inputs that a probe gets when it is about to run a link, instead of ones that its author chose."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ooni_core.oonirun.checking import BadDocument, matching, required
from ooni_core.oonirun.nettests import Nettest
from ooni_core.prioritization.model import ListedUrl
from ooni_core.probes.checkin import url_limit

WEBSITES = "websites_list_prioritized"
"""The one list that is known: websites in the order in which probes of a network should measure them."""

_RUN_TYPES = re.compile("timed|manual")
_NETWORK_TYPES = ("vpn", "wifi", "mobile", "wired_ethernet", "no_internet", "bluetooth", "usb", "unknown")
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})")
_CC = re.compile(r"[A-Z]{2}")


@attrs.frozen
class RunConditions:
    """In what circumstances a probe is about to run a link.

    Attributes:
        limit: most URLs that it should get, by the occasion of the run.
        probe_cc: two capital letters, ``ZZ`` when it does not know.
        probe_asn: its network, 0 when it does not know.
        categories: of the URLs that it wants; empty for all.
    """

    limit: int
    probe_cc: str
    probe_asn: int
    categories: frozenset[str] = frozenset()


def read_conditions(document: Mapping[str, Any]) -> RunConditions:
    """Read what a probe says about its run.

    Raises:
        BadDocument: a value is missing or cannot be right.
    """
    run_type = matching("run_type", required(document, "run_type"), _RUN_TYPES, "timed or manual")[0]
    charging = required(document, "is_charging")
    if not isinstance(charging, bool):
        raise BadDocument(("is_charging",), "expected true or false")
    if required(document, "network_type") not in _NETWORK_TYPES:
        raise BadDocument(("network_type",), f"expected one of {', '.join(_NETWORK_TYPES)}")
    return RunConditions(
        limit=url_limit(run_type, charging=charging),
        probe_cc=matching("probe_cc", required(document, "probe_cc"), _CC, "two capital letters, such as IT")[0],
        probe_asn=_network(required(document, "probe_asn")),
        categories=_categories(document.get("website_category_codes", [])),
    )


def _network(value: Any) -> int:
    asn = int(matching("probe_asn", value, _ASN, "AS and a number, such as AS1234")[1])
    if asn >= 2**32:
        raise BadDocument(("probe_asn",), "expected a number below 2^32")
    return asn


def _categories(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        raise BadDocument(("website_category_codes",), "expected a list of codes, such as NEWS")
    return frozenset(code.strip().upper() for code in value)


def with_inputs(nettest: Nettest, websites: Callable[[], Sequence[ListedUrl]]) -> Nettest:
    """Return a nettest with the inputs that its targets name stands for: none, when that is not known.

    Args:
        nettest: one without a targets name stays as it is.
        websites: chooses URLs.
    """
    if nettest.targets_name is None:
        return nettest
    chosen = websites() if nettest.targets_name == WEBSITES else ()
    extra = [{"category_code": each.category_code, "country_code": each.country_code} for each in chosen]
    return attrs.evolve(nettest, inputs=[each.url for each in chosen], inputs_extra=extra)

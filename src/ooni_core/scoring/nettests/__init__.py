"""One module per nettest, each reading like the rule it implements, and the table that dispatches to them."""

from ooni_core.scoring.nettests import (
    browser_web,
    dash,
    dns_consistency,
    dnscheck,
    echcheck,
    facebook_messenger,
    http_header_field_manipulation,
    http_invalid_request_line,
    http_requests,
    meek_fronted_requests_test,
    ndt,
    openvpn,
    pings,
    portfiltering,
    psiphon,
    riseupvpn,
    signal,
    sni_blocking,
    stunreachability,
    tcp_connect,
    telegram,
    tor,
    torsf,
    unsupported,
    vanilla_tor,
    web_connectivity,
    whatsapp,
)
from ooni_core.scoring.nettests.rule import Rule
from ooni_core.scoring.rulesets import RuleSet

NETTESTS: dict[str, Rule] = {
    "browser_web": browser_web.score,
    "dash": dash.score,
    "dns_consistency": dns_consistency.score,
    "facebook_messenger": facebook_messenger.score,
    "http_header_field_manipulation": http_header_field_manipulation.score,
    "http_invalid_request_line": http_invalid_request_line.score,
    "http_requests": http_requests.score,
    "meek_fronted_requests_test": meek_fronted_requests_test.score,
    "ndt": ndt.score,
    "openvpn": openvpn.score,
    "psiphon": psiphon.score,
    "riseupvpn": riseupvpn.score,
    "signal": signal.score,
    "stunreachability": stunreachability.score,
    "tcp_connect": tcp_connect.score,
    "telegram": telegram.score,
    "tor": tor.score,
    "torsf": torsf.score,
    "vanilla_tor": vanilla_tor.score,
    "web_connectivity": web_connectivity.score,
    "whatsapp": whatsapp.score,
}
"""Rules by the exact ``test_name`` of a measurement. Every other name is `unsupported`."""


NEWER_NETTESTS: dict[str, Rule] = {
    "dnscheck": dnscheck.score,
    "dnsping": pings.score,
    "echcheck": echcheck.score,
    "portfiltering": portfiltering.score,
    "quicping": pings.score,
    "simplequicping": pings.score,
    "sni_blocking": sni_blocking.score,
    "tcpping": pings.score,
    "tlsping": pings.score,
}
"""Rules of nettests that historically had none; only rule sets with ``newer_nettests`` use them."""


def rule_for(test_name: object, ruleset: RuleSet) -> Rule:
    """Return the rule of a nettest; names are never guessed or normalised."""
    if not isinstance(test_name, str):
        return unsupported.score
    rule = NETTESTS.get(test_name)
    if rule is None and ruleset.newer_nettests:
        rule = NEWER_NETTESTS.get(test_name)
    return rule or unsupported.score

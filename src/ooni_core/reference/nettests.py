"""Names of nettests: as measurements write them, and short, as report ids, uids and published files write them."""

_EQUAL_WITHOUT_UNDERSCORES = (
    "bridge_reachability",
    "browser_web",
    "captive_portal",
    "dash",
    "dns_consistency",
    "dnscheck",
    "dnsping",
    "echcheck",
    "example",
    "facebook_messenger",
    "http_header_field_manipulation",
    "http_host",
    "http_host_header",
    "http_invalid_request_line",
    "http_requests",
    "lantern",
    "meek_fronted_requests_test",
    "multi_protocol_traceroute",
    "ndt",
    "openvpn",
    "portfiltering",
    "psiphon",
    "quicping",
    "riseupvpn",
    "signal",
    "simplequicping",
    "sni_blocking",
    "stunreachability",
    "tcp_connect",
    "tcpping",
    "telegram",
    "tlsmiddlebox",
    "tlsping",
    "tlstool",
    "tor",
    "torsf",
    "urlgetter",
    "vanilla_tor",
    "web_connectivity",
    "whatsapp",
)

SHORT_NAMES = {name: name.replace("_", "") for name in _EQUAL_WITHOUT_UNDERSCORES}
"""Short name of each known nettest. No two are equal, so each short name means one nettest."""

FULL_NAMES = {short: name for name, short in SHORT_NAMES.items()}
"""The other way round. A short name that is not here is unknown and is not guessed."""

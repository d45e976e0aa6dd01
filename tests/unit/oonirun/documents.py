"""What authors of links and probes send, at its smallest."""

LINK = {
    "name": "Elections",
    "short_description": "Sites",
    "description": "Sites to test",
    "author": "ada",
    "nettests": [{"test_name": "tor"}],
}
CONDITIONS = {
    "is_charging": True,
    "run_type": "manual",
    "probe_cc": "IT",
    "probe_asn": "AS1234",
    "network_type": "wifi",
    "website_category_codes": [],
}

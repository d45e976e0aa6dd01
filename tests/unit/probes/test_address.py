import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.probes.address import anonymised, client_address, parsed

TRUSTED = [ipaddress.ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "::1/128")]


def found(peer, forwarded=(), real=""):
    return str(client_address(peer, forwarded, real, TRUSTED))


@pytest.mark.parametrize(
    ("peer", "forwarded", "real", "client"),
    [
        ("127.0.0.1", ["1.2.3.4"], "", "1.2.3.4"),
        ("127.0.0.1", [], "1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", ["6.6.6.6, 1.2.3.4"], "", "1.2.3.4"),
        ("127.0.0.1", ["6.6.6.6", "1.2.3.4,10.0.0.7"], "", "1.2.3.4"),
        ("127.0.0.1", ["6.6.6.6,1.2.3.4"], "", "1.2.3.4"),
        ("9.9.9.9", ["1.2.3.4"], "1.2.3.4", "9.9.9.9"),
        ("127.0.0.1", [], "", "127.0.0.1"),
        ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "", "10.0.0.1"),
        ("::1", ["[2001:db8::1]:443"], "", "2001:db8::1"),
        ("::1", ["fe80::1%eth0"], "", "fe80::1"),
        ("::ffff:127.0.0.1", ["::ffff:1.2.3.4"], "", "1.2.3.4"),
        ("127.0.0.1", ["1.2.3.4:5678"], "", "1.2.3.4"),
        ("127.0.0.1", ["bogus"], "1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", ["6.6.6.6, bogus"], "1.2.3.4", "1.2.3.4"),
        ("", ["1.2.3.4"], "", "1.2.3.4"),
        ("bogus", ["bogus"], "bogus", "None"),
    ],
)
def test_client_is_the_last_stranger_before_our_own_proxies(peer, forwarded, real, client):
    assert found(peer, forwarded, real) == client


@given(st.text(), st.lists(st.text(), max_size=3), st.text())
def test_no_header_breaks_it(peer, forwarded, real):
    client_address(peer, forwarded, real, TRUSTED)


@given(st.ip_addresses())
def test_written_addresses_are_read_back(address):
    plain = getattr(address, "ipv4_mapped", None) or address
    assert parsed(f" {address} ") == plain
    assert parsed(f"[{address}]:80" if address.version == 6 else f"{address}:80") == plain


def test_logs_never_hold_whole_addresses():
    assert anonymised(parsed("192.0.2.77")) == "192.0.2.0"
    assert anonymised(parsed("2001:db8:1:2::3")) == "2001:db8::"
    assert anonymised(None) == "-"

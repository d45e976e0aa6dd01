"""VPN configurations: fetched from a provider that signs its own API, checked, swapped; the former one serves meanwhile."""

import json
import ssl

import pytest

from ooni_adapters.vpn import VpnUpdater
from ooni_core.errors import Invalid, Unavailable
from tests.contract.probes.conftest import HandClock
from tests.contract.probes.https_git import make_certificates
from tests.contract.probes.test_updates import Source, run

IDENTITY = "-----BEGIN RSA PRIVATE KEY-----\nKEY\n-----END RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nCERT\n-----END CERTIFICATE-----\n"


def gateway(address, **transport):
    openvpn = {"type": "openvpn", "protocols": ["tcp", "udp"], "ports": ["80", "1194"], **transport}
    obfs4 = {"type": "obfs4", "protocols": ["tcp"], "ports": ["443"], "options": {"cert": "x"}}
    return {"host": "x.example", "ip_address": address, "capabilities": {"transport": [openvpn, obfs4]}}


GATEWAYS = {"gateways": [gateway("192.0.2.7"), gateway("2001:db8::1", protocols=["udp"]), gateway("192.0.2.7")]}


@pytest.fixture
def provider(tmp_path):
    authority, chain = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    source = Source(context)
    source.files = {"/cert": IDENTITY.encode(), "/gateways": json.dumps(GATEWAYS).encode()}
    source.authority = authority
    yield source
    source.stop()


@pytest.fixture
def updater(provider, tmp_path):
    sources = {"ca": f"file://{provider.authority}", "identity": f"{provider.url}/cert"}
    sources |= {"gateways": f"{provider.url}/gateways"}
    return VpnUpdater(tmp_path / "vpn", "riseupvpn", sources, HandClock(), pause=lambda _: None)


def kept(updater):
    return json.loads((updater.folder / "riseupvpn.json").read_text())


def test_every_port_of_every_openvpn_gateway_is_an_endpoint(updater, provider):
    assert updater.update() == "installed 6 endpoints of riseupvpn"
    found = kept(updater)
    assert found["endpoints"][0] == "openvpn://riseupvpn.corp/?address=192.0.2.7:1194&transport=tcp"
    assert found["endpoints"][-1] == "openvpn://riseupvpn.corp/?address=[2001:db8::1]:80&transport=udp"
    assert found["ca"] == provider.authority.read_text().strip()
    assert found["key"].splitlines()[1] == "KEY"
    assert found["cert"].splitlines()[1] == "CERT"
    assert found["date_updated"] == "2026-11-23T22:41:49.000000Z"
    assert (updater.folder / "riseupvpn.json").stat().st_mode & 0o077 == 0


def test_fresh_configuration_is_left_alone_for_a_day(updater, provider):
    updater.update()
    provider.files["/gateways"] = json.dumps({"gateways": [gateway("192.0.2.8")]}).encode()
    assert "is of today" in updater.update()
    assert len(kept(updater)["endpoints"]) == 6
    assert updater.update(force=True) == "installed 4 endpoints of riseupvpn"
    previous = json.loads((updater.folder / "riseupvpn.json.previous").read_text())
    assert len(previous["endpoints"]) == 6
    assert len(list(updater.folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("/cert", b"no pem", "the client's file holds no CERTIFICATE"),
        ("/cert", b"-----BEGIN CERTIFICATE-----\nCERT\n-----END CERTIFICATE-----\n", "no PRIVATE KEY"),
        ("/gateways", b"<html>", "not JSON"),
        ("/gateways", b"[]", "not an object"),
        ("/gateways", b"{}", "not that of a LEAP provider"),
        ("/gateways", b'{"gateways": []}', "names no gateway"),
        ("/gateways", json.dumps({"gateways": [gateway("nowhere")]}).encode(), "not that of a LEAP provider"),
        ("/gateways", json.dumps({"gateways": [gateway("192.0.2.7", ports=["0"])]}).encode(), "tcp port 0"),
        ("/gateways", json.dumps({"gateways": [gateway("192.0.2.7", protocols=["x"])]}).encode(), "x port 80"),
    ],
)
def test_what_cannot_be_right_replaces_nothing(updater, provider, path, content, message):
    updater.update()
    before, provider.files[path] = kept(updater), content
    with pytest.raises(Invalid, match=message) as refusal:
        updater.update(force=True)
    assert "KEY\n" not in str(refusal.value)
    assert kept(updater) == before


def test_provider_that_is_away_leaves_the_former_configuration(updater, provider):
    updater.update()
    provider.failures = [503, 503]
    assert "installed" in updater.update(force=True)
    provider.failures = [503] * 3
    with pytest.raises(Unavailable, match=r"/cert does not answer as it should: .*503"):
        updater.update(force=True)
    assert len(kept(updater)["endpoints"]) == 6


def test_api_that_another_authority_signed_is_not_believed(updater, tmp_path):
    (tmp_path / "other").mkdir()
    other, _ = make_certificates(tmp_path / "other")
    updater.sources["ca"] = f"file://{other}"
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        updater.update()
    assert not updater.folder.exists()


def test_command_fetches_what_the_service_hands_out(provider, tmp_path):
    parts = {"ca": f"file://{provider.authority}", "identity": f"{provider.url}/cert"}
    parts |= {"gateways": f"{provider.url}/gateways"}
    sources = ",".join(f"riseupvpn.{part}={url}" for part, url in parts.items())
    done = run(tmp_path, "--set", f"probes.vpn_sources={sources}", "run", "update-vpn")
    assert (done.exit_code, done.output) == (0, "installed 6 endpoints of riseupvpn\n")
    assert (tmp_path / "data" / "vpn" / "riseupvpn.json").is_file()
    none = run(tmp_path, "--set", "probes.vpn_sources=[]", "run", "update-vpn")
    assert (none.exit_code, none.output) == (0, "probes.vpn_sources names no provider\n")
    for wrong in ("nonsense", "other.ca=https://x", "riseupvpn.ca=https://x"):
        refused = run(tmp_path, "--set", f"probes.vpn_sources={wrong}", "run", "update-vpn")
        assert refused.exit_code == 1, refused.output

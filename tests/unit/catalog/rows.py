"""Rows of invented measurements, for all tests of the catalog."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from ooni_core.catalog.model import ListedUrl
from ooni_core.scoring.model import FastpathRow

START = datetime(2026, 11, 1)
URLS = ("https://a.example/", "https://b.example/", "https://www.c.example/x?y=1", "")
LISTS = (
    ListedUrl("a.example", "https://a.example/", "ZZ", "NEWS"),
    ListedUrl("a.example", "https://a.example/", "IT", "NEWS"),
    ListedUrl("b.example", "https://b.example/", "IT", "POLR"),
    ListedUrl("b.example", "https://b.example/", "BR", "NEWS"),
)


def row(number, **changes):
    """One measurement; its uid, and so its place among equals, follows *number*."""
    minutes = changes.pop("minutes", number)
    start = START + timedelta(minutes=minutes)
    fields = {
        "measurement_uid": f"20261101{number:06d}.000000_IT_webconnectivity_{number:016x}",
        "report_id": "20261101T000000Z_webconnectivity_IT_30722_n1_aaaaaaaaaaaaaaaa",
        "input": "https://a.example/",
        "probe_cc": "IT",
        "probe_asn": 30722,
        "test_name": "web_connectivity",
        "test_start_time": START,
        "measurement_start_time": start,
        "scores": '{"blocking_general":0.0}',
        "platform": "linux",
        "anomaly": False,
        "confirmed": False,
        "msm_failure": False,
        "blocking_type": "",
        "domain": "a.example",
        "software_name": "ooniprobe-cli",
        "software_version": "3.20.0",
        "test_version": "0.5.0",
        "test_runtime": 1.5,
        "architecture": "amd64",
        "engine_name": "ooniprobe-engine",
        "engine_version": "3.20.0",
        "test_helper_address": "",
        "test_helper_type": "",
    }
    return FastpathRow(**{**fields, **changes})


def rows():
    """Strategy: a few dozen measurements with many ties, over five weeks around a month's end."""
    one = st.fixed_dictionaries(
        {
            "minutes": st.one_of(st.integers(0, 40), st.integers(0, 50_000)),
            "report_id": st.sampled_from(["20261101T000000Z_webconnectivity_IT_30722_n1_" + c * 16 for c in "ab"]),
            "input": st.sampled_from(URLS),
            "probe_cc": st.sampled_from(["IT", "BR", "DE", "ZZ"]),
            "probe_asn": st.sampled_from([0, 30722, 4294967295]),
            "test_name": st.sampled_from(["web_connectivity", "telegram", "tor"]),
            "anomaly": st.booleans(),
            "confirmed": st.booleans(),
            "msm_failure": st.booleans(),
            "blocking_type": st.sampled_from(["", "dns", "tcp_ip"]),
            "domain": st.sampled_from(["a.example", "b.example", "bücher.example", ""]),
            "software_version": st.sampled_from(["3.20.0", "3.9.1"]),
            "test_version": st.sampled_from(["0.5.0", "0.4.0"]),
            "engine_version": st.sampled_from(["3.20.0", ""]),
            "ooni_run_link_id": st.sampled_from([None, 10001, 2**40]),
            "scores": st.sampled_from(
                ['{"blocking_general":0.0}', '{"extra":{"test_runtime":12.5}}', '{"extra":{"test_runtime":3}}', "{}"]
            ),
        }
    )
    return st.lists(one, max_size=40).map(lambda found: [row(n, **fields) for n, fields in enumerate(found)])

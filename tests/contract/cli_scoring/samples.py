"""Small measurements to score."""

import json
from pathlib import Path
from typing import Any

DNS_HEADER = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n"
DNS_FINGERPRINTS = DNS_HEADER + "test.dns_it,nat,,dns,full,192.0.2.1,5,IT,test,,\n"
HTTP_FINGERPRINTS = DNS_HEADER + 'test.page,isp,,body,contains,"<title>Blocked\nby order</title>",5,IT,test,,\n'


def uid(number: int, cc: str = "IT", test: str = "signal", hour: str = "2024010203") -> str:
    return f"{hour}0405.{number:06}_{cc}_{test}_{number:016x}"


def signal(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "report_id": f"20240102T030405Z_signal_IT_30722_n1_{number:016}",
        "input": None,
        "probe_cc": "IT",
        "probe_asn": "AS30722",
        "test_name": "signal",
        "test_version": "0.2.4",
        "test_start_time": "2024-01-02 03:04:00",
        "measurement_start_time": "2024-01-02 03:04:05",
        "test_runtime": 1.5,
        "software_name": "ooniprobe-android",
        "software_version": "3.8.0",
        "annotations": {"platform": "android"},
        "test_keys": {"signal_backend_status": "ok", "signal_backend_failure": None, "requests": []},
    } | fields


def blocked_page(number: int = 0, **fields: Any) -> dict[str, Any]:
    response = {"body": "<html><title>Blocked\nby order</title></html>", "headers": {}, "code": 200}
    test_keys = {"blocking": "http-diff", "accessible": False, "requests": [{"response": response, "failure": None}]}
    return (
        signal(number) | {"test_name": "web_connectivity", "input": "http://x.test/", "test_keys": test_keys} | fields
    )


def line(measurement: dict[str, Any]) -> bytes:
    return json.dumps(measurement).encode() + b"\n"


def write_fingerprints(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "fingerprints_dns.csv").write_text(DNS_FINGERPRINTS)
    (folder / "fingerprints_http.csv").write_text(HTTP_FINGERPRINTS)
    return folder

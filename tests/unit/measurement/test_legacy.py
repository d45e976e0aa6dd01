"""Legacy reports: cutting, normalising, and saying why something is left out."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.measurement.legacy import (
    LegacyMeasurement,
    LegacyRejection,
    generated_report_id,
    iter_yaml_measurements,
    split_documents,
)
from ooni_core.measurement.legacy_normal import canonical_test_name

HEADER = {"start_time": 1441320103.0, "report_id": "r", "probe_cc": "TR", "probe_asn": "AS1", "test_name": "x"}


def document(value):
    return b"---\n" + yaml.safe_dump(value).encode() + b"...\n"


def read(*entries, header=HEADER):
    raw = document(header) + b"".join(map(document, entries))
    return list(iter_yaml_measurements([raw], "2015-09-03", "2015-09-03/x.yaml"))


def normal(entry, **header):
    [one] = read(entry, header={**HEADER, **header})
    assert isinstance(one, LegacyMeasurement), one
    return one.measurement


def reason(entry, **header):
    [one] = read(entry, header={**HEADER, **header})
    assert isinstance(one, LegacyRejection), one
    return one.reason


PIECES = st.sampled_from([b"---\na: 1\n...\n", b"---\n...\n", b"...\n", b"# note\n", b"#\n", b"---\nb: |\n  x\n...\n"])


@given(st.lists(PIECES, max_size=8), st.sampled_from([b"", b"---\ncut", b"odd", b"#"]), st.data())
def test_where_chunks_are_cut_does_not_matter(pieces, tail, data):
    raw = b"".join(pieces) + tail
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert list(split_documents(chunks)) == list(split_documents([raw]))
    documents = [one for one in split_documents([raw]) if isinstance(one, bytes)]
    assert documents == [piece for piece in pieces if piece.startswith(b"---")]


def test_broken_stream_keeps_what_came_before():
    raw = document(HEADER) + document({"input": "a"}) + b"rubbish"
    good, broken = iter_yaml_measurements([raw], "2015-09-03", "2015-09-03/x.yaml")
    assert good.measurement["input"] == "a"
    assert broken.fatal
    assert "rubbish" in broken.reason


def test_truncated_report_says_so():
    raw = document(HEADER) + b"---\ninput: a\n"
    [broken] = iter_yaml_measurements([raw], "2015-09-03", "2015-09-03/x.yaml")
    assert "truncated" in broken.reason


def test_unreadable_header_ends_the_report():
    [broken] = iter_yaml_measurements([b"---\n{\n...\n" + document({})], "2015-09-03", "2015-09-03/x.yaml")
    assert broken == LegacyRejection(0, broken.reason, fatal=True)
    assert "header" in broken.reason


def test_bad_entry_is_rejected_by_number_and_the_next_one_read():
    raw = document(HEADER) + b"---\n!!python/object:os.system x\n...\n" + b"---\n\n...\n" + document({"input": "a"})
    first, second, third = iter_yaml_measurements([raw], "2015-09-03", "2015-09-03/x.yaml")
    assert (first.number, second.number, third.number) == (1, 2, 3)
    assert "not YAML" in first.reason
    assert "no fields" in second.reason
    assert third.measurement["input"] == "a"


@pytest.mark.parametrize(("bucket", "name"), [("2015", "a/b"), ("1915-09-03", "a/b"), ("2015-09-03", "b")])
def test_bucket_and_file_name_have_fixed_shapes(bucket, name):
    with pytest.raises(Invalid):
        iter_yaml_measurements([], bucket, name)


def test_times_come_from_header_and_entry():
    assert normal({"input": "a"})["measurement_start_time"] == "2015-09-03 22:41:43"
    later = normal({"test_start_time": 1441320203.9})
    assert (later["test_start_time"], later["measurement_start_time"]) == ("2015-09-03 22:41:43", "2015-09-03 22:43:23")
    texts = {"test_start_time": "2015-01-01 00:00:00", "measurement_start_time": "2015-01-01 00:00:01"}
    kept = normal(texts)
    assert {key: kept[key] for key in texts} == texts
    assert "measurement_start_time is not" in reason({"test_start_time": "2015-01-01 00:00:00"})
    assert "start time" in reason({"test_start_time": [1]})


def test_nettest_keys_move_into_test_keys_and_the_rest_is_null():
    one = normal({"agent": "x", "options": 1, "report": {"b": 2}})
    assert one["test_keys"] == {"agent": "x", "b": 2}
    assert one["probe_ip"] is None
    assert one["data_format_version"] == "0.2.0"
    assert one["id"] != normal({"agent": "y", "report": {"b": 2}})["id"]


def test_current_format_is_only_nested():
    one = normal({"queries": [{"answers": 1}]}, data_format_version="0.2.0", test_name="dns_consistency")
    assert one["test_keys"] == {"start_time": 1441320103.0, "queries": [{"answers": 1}]}


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("HTTP Host", "http_host"),
        ("DNS tamper", "dns_consistency"),
        ("test_put_random_capitalization", "http_header_field_manipulation"),
        ("summary", "invalid"),
        ("tls-handshake", "tls_handshake"),
        ("Something New", "something new"),
    ],
)
def test_old_spellings_of_nettests_have_one_name(spelling, name):
    assert canonical_test_name(spelling) == name


@pytest.mark.parametrize("name", ["tcp_connect", "captivep", "psiphon", "lantern", "traceroute"])
def test_nettests_without_usable_data_are_rejected(name):
    assert "usable" in reason({"input": "a"}, test_name=name)


def test_http_requests_take_turns_between_direct_and_tor():
    def exchange(url, tor):
        return {
            "request": {"url": url, "tor": tor},
            "response": {"body": b"a\xff\x00", "headers": [["Content-Length", ["5"]]]},
        }

    one = normal(
        {
            "requests": [
                exchange("http://1", {"is_tor": False}),
                exchange("http://2", None),
                exchange("shttp://3", None),
            ],
            "request": {"url": "http://4", "tor": True},
            "response": None,
        },
        test_name="http_requests",
    )
    requests = one["test_keys"]["requests"]
    assert [item["request"]["url"] for item in requests] == ["http://1", "http://3", "http://2", "http://4"]
    assert [item["request"]["tor"]["is_tor"] for item in requests] == [False, True, False, True]
    assert requests[0]["response"] == {"body": "a\\xff", "headers": {"Content-Length": "5"}}
    assert requests[0]["response_length"] == "5"
    assert requests[3]["response"] == {"body": None, "headers": {}}


def test_input_of_http_nettests_comes_from_the_command_line():
    assert normal({"input": None}, test_name="http_requests", options=["--url", "a", "-u", "b"])["input"] == "b"
    assert normal({"input": "c"}, test_name="http_requests", options=["-u", "b"])["input"] == "c"


def test_huge_header_rejects_the_entry():
    huge = {"requests": [{"request": {"headers": [["a", ["x" * 10_000]]]}}]}
    assert "10000 characters" in reason(huge, test_name="http_requests")


def test_dns_answers_are_read_from_their_printed_form():
    printed = {
        "query": "[Query('example.org', 1, 1)]",
        "resolver": ["8.8.8.8", 53],
        "addrs": ["1.2.3.4"],
        "answers": [
            ["<RR name=example.org type=A class=IN ttl=300s auth=False>", "<A address=1.2.3.4 ttl=300>"],
            ["<RR name=example.org type=CNAME class=IN ttl=1s auth=False>", "<CNAME name=cdn.example.org ttl=1>"],
            ["<RR type=SOA ttl=9s>", "<SOA mname=ns rname=root serial=1 refresh=2 retry=3 expire=4 minimum=5 ttl=9>"],
            ["<RR type=AAAA ttl=9s>", "<AAAA address=::1>"],
        ],
    }
    tampering = {"1.1.1.1": False, "2.2.2.2": True, "3.3.3.3": "timeout"}
    keys = normal({"queries": [printed, {}], "tampering": tampering, "test_resolvers": 1}, test_name="dnstamper")[
        "test_keys"
    ]
    query, empty = keys["queries"]
    assert (query["hostname"], query["resolver_hostname"], query["resolver_port"]) == ("example.org", "8.8.8.8", 53)
    assert query["failure"] is None
    assert query["answers"] == [
        {"ttl": "300", "answer_type": "A", "ipv4": "1.2.3.4"},
        {"ttl": "1", "answer_type": "CNAME", "hostname": "cdn.example.org"},
        {
            "ttl": "9", "answer_type": "SOA", "responsible_name": "root", "hostname": "ns", "serial_number": "1",
            "refresh_interval": "2", "retry_interval": "3", "minimum_ttl": "5", "expiration_limit": "4",
        },
        {"ttl": "9", "answer_type": "AAAA"},
    ]  # fmt: skip
    assert empty["failure"] == "no_answer"
    assert keys["successful"] == ["1.1.1.1"]
    assert keys["failed"] == ["1.1.1.1", "3.3.3.3"]
    assert keys["inconsistent"] == ["2.2.2.2"]
    assert keys["errors"] == tampering


def test_body_that_is_not_text_rejects_entries_of_other_nettests():
    assert "not UTF-8" in reason({"requests": [{"response": {"body": b"\xff"}}]})


def test_missing_report_id_is_made_from_the_header():
    assert normal({"a": 1}, report_id="")["report_id"].startswith("20150903T224143Z_")
    assert generated_report_id({"probe_city": None}) != generated_report_id({})
    with pytest.raises(Invalid):
        generated_report_id({"start_time": "x"})


def test_bombs_of_aliases_and_self_reference_are_rejected():
    laughs = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        laughs += f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n".encode()
    for bomb in (laughs, b"a: &a [*a]\n", b"a: " + b"[" * 5000 + b"]" * 5000 + b"\n"):
        raw = document(HEADER) + b"---\n" + bomb + b"...\n"
        [one] = iter_yaml_measurements([raw], "2015-09-03", "2015-09-03/x.yaml")
        assert isinstance(one, LegacyRejection)

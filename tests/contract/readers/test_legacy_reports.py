"""YAML reports of old probes in every place where they are found."""

import gzip
import io
import json
from pathlib import Path

import lz4.frame
import pytest
from click.testing import CliRunner

from ooni_adapters.measurementfiles import Record, Rejected, read_file, read_stream
from ooni_entrypoints.cli.score import command
from tests.archives import tar

HEADER = b"""---
probe_asn: AS1
probe_cc: IT
software_name: ooniprobe
software_version: 1.3.1
start_time: 1446726576.0
test_name: http_requests
test_version: 0.2.4
report_id: x
...
"""
ENTRY = b"---\ninput: http://example.org/\nbody_length_match: true\nrequests: []\n...\n"
REPORT = HEADER + ENTRY + ENTRY.replace(b"org", b"com")


@pytest.mark.parametrize(
    ("name", "content", "prefix"),
    [
        ("canned/2015-11-05/r.yaml", REPORT, "canned/2015-11-05/r.yaml#"),
        ("canned/2015-11-05/r.yaml.lz4", lz4.frame.compress(REPORT), "canned/2015-11-05/r.yaml.lz4#"),
        ("canned/2015-11-05/r.yaml.gz", gzip.compress(REPORT), "canned/2015-11-05/r.yaml.gz#"),
        (
            "canned/2015-11-05/c.0.tar.lz4",
            lz4.frame.compress(tar({"r.yaml": REPORT})),
            "canned/2015-11-05/c.0.tar.lz4#r.yaml#",
        ),
    ],
)
def test_each_entry_is_a_normalised_measurement(name: str, content: bytes, prefix: str):
    found = list(read_stream(io.BytesIO(content), name))
    assert [entry.source for entry in found] == [f"{prefix}1", f"{prefix}2"]
    assert [entry.document["input"] for entry in found] == ["http://example.org/", "http://example.com/"]
    assert found[0].document["bucket_date"] == "2015-11-05"
    assert found[0].body == ENTRY
    assert found[0].measurement_uid.startswith("0120151105")


def test_report_outside_a_day_folder_is_read_too():
    assert len(list(read_stream(io.BytesIO(REPORT), "r.yaml"))) == 2
    assert len(list(read_stream(io.BytesIO(REPORT), "-"))) == 2


def test_unusable_entry_is_rejected_and_the_next_one_read():
    content = HEADER + b"---\n!!python/object:os.system {}\n...\n" + ENTRY
    [rejected, record] = read_stream(io.BytesIO(content), "r.yaml")
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.kind) == ("r.yaml#1", "bad_yaml")
    assert isinstance(record, Record)
    assert record.source == "r.yaml#2"


def test_broken_frame_ends_the_report_and_says_so():
    found = list(read_stream(io.BytesIO(REPORT + b"garbage\n" + ENTRY), "r.yaml"))
    assert len(found) == 3
    assert "the rest of the report is left out" in found[2].reason


def test_reports_are_scored(tmp_path: Path):
    path = tmp_path / "r.yaml"
    path.write_bytes(REPORT)
    result = CliRunner().invoke(command, [str(path)])
    objects = [json.loads(text) for text in result.stdout.splitlines()]
    assert [item["outcome"] for item in objects] == ["stored", "stored"]
    assert [item["row"]["domain"] for item in objects] == ["example.org", "example.com"]


@pytest.mark.shared_data
def test_recorded_reports_are_normalised_and_scored_as_recorded(shared_data: Path, tmp_path: Path):
    golden = json.loads((shared_data / "golden" / "legacy_yaml_normalized.json").read_text())
    for name, expected in golden.items():
        folder = tmp_path / expected["day"]
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes((shared_data / "legacy_yaml" / name).read_bytes())
        found = [entry for entry in read_file(str(path)) if isinstance(entry, Record)]
        assert len(found) == len(expected["measurements"])
        for entry, recorded in zip(found, expected["measurements"], strict=True):
            wanted = recorded["normalized"] | {"report_filename": f"{expected['day']}/{name}"}
            assert entry.document == wanted

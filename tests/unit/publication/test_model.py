"""Names of published files."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.measurement import SpoolBucket
from ooni_core.publication.manifests import Announced, ListedFile, ManifestDocument, read_manifest, write_manifest
from ooni_core.publication.model import (
    JSONL,
    POSTCAN,
    SEEKABLE,
    SIDECAR,
    Batch,
    BatchName,
    BatchState,
    FileRecord,
    Line,
    Manifest,
)

BUCKET = SpoolBucket("2021081715", "US", "webconnectivity")


def test_the_key_of_the_specification():
    expected = "raw/20210817/15/US/webconnectivity/2021081715_US_webconnectivity.n0.0.jsonl.gz"
    assert BatchName(BUCKET, "n0", 0).key(JSONL) == expected


@given(
    st.from_regex(r"(20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])([01][0-9]|2[0-3])", fullmatch=True),
    st.from_regex(r"[A-Z]{2}", fullmatch=True),
    st.from_regex(r"[a-z0-9]{2,29}", fullmatch=True),
    st.from_regex(r"n[A-Za-z0-9]{1,32}", fullmatch=True),
    st.integers(0, 999_999_999),
    st.sampled_from([JSONL, POSTCAN, SEEKABLE, SIDECAR]),
)
def test_keys_are_read_back(hour, cc, test_name, identity, number, suffix):
    name = BatchName(SpoolBucket(hour, cc, test_name), identity, number)
    assert BatchName.parse(name.key(suffix)) == (name, suffix)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "raw/20210817/15/US/webconnectivity/",
        "raw/20210817/16/US/webconnectivity/2021081715_US_webconnectivity.n0.0.jsonl.gz",
        "raw/20210817/15/US/webconnectivity/2021081715_US_webconnectivity.l.x.jsonl.gz",
        "jsonl/webconnectivity/US/20210817/00/20210817_US_webconnectivity.l.0.jsonl.gz",
        "2021081715_US_webconnectivity.n0.0.jsonl.gz",
    ],
)
def test_other_keys_are_not_of_a_batch(key):
    with pytest.raises(Invalid):
        BatchName.parse(key)


@pytest.mark.parametrize("identity", ["", "n.1", "n/1", "../x", "n" * 40, "n 1"])
def test_an_identity_that_would_break_names_is_refused(identity):
    with pytest.raises(Invalid):
        BatchName(BUCKET, identity, 0)


def test_no_file_but_the_lines_looks_like_lines():
    assert [suffix for suffix in (JSONL, POSTCAN, SEEKABLE, SIDECAR) if suffix.endswith(".jsonl.gz")] == [JSONL]


def test_a_manifest_is_read_back():
    lines = tuple(Line(f"u{i}", i, 0, 10, i, "r", "", "0" * 64, 2, "bad" if i == 1 else "") for i in range(3))
    files = (FileRecord("raw/a.tar.gz", "a" * 64, 10), FileRecord("raw/a.jsonl.gz", "b" * 64, 20))
    batch = Batch(BatchName(BUCKET, "n0", 0), BatchState.DONE, (), files, lines)
    manifest = Manifest("2021081715", "n0", 3, (batch,))
    assert manifest.key == "manifests/20210817/15/2021081715.n0.3.json"
    content = write_manifest(manifest)
    assert write_manifest(manifest) == content
    document = read_manifest(content)
    assert (document.measurements, document.unpublishable, document.number) == (2, 1, 3)
    assert [file.key for file in document.files] == ["raw/a.tar.gz", "raw/a.jsonl.gz"]
    with pytest.raises(Invalid):
        read_manifest(b"{}")
    with pytest.raises(Invalid, match="version 9"):
        read_manifest(json.dumps({**json.loads(content), "version": 9}).encode())


def test_manifests_are_put_together_and_contradictions_are_told():
    file = ListedFile("raw/x", 1, "00", 1)
    document = ManifestDocument(1, "2021081715", "n0", 0, 1, 0, (file, attrs.evolve(file, key="raw/y")), ("raw/x",))
    other = attrs.evolve(document, number=1, files=(attrs.evolve(file, key="raw/y", sha256="11"),), replaces=())
    assert Announced.of([document, document]) == Announced({"raw/y": document.files[1]}, frozenset({"raw/x"}))
    assert Announced.of([document, other]).problems == ("raw/y is listed twice, with different content",)

"""The log, withdrawal and backup of a running service, from the command line and over HTTP."""

import base64
import hashlib
import json
import subprocess
import sys

import httpx
import pytest

from ooni_adapters.signing import ed25519_check
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.manifests import read_manifest
from ooni_core.publication.transparency.checkpoint import InclusionProof
from ooni_core.publication.transparency.leaves import PublishedLeaf
from ooni_core.publication.transparency.merkle import leaf_hash
from ooni_core.publication.transparency.note import VerifierKey
from tests.service import RunningService, clean_environment, get, post

REPORT = "20261120T100000Z_webconnectivity_IT_64496_n1_AAAAAAAAAAAAAAA{}"


def body(number):
    content = {
        "report_id": REPORT.format(number),
        "input": f"https://{number}.example/",
        "probe_cc": "IT",
        "probe_asn": "AS64496",
        "test_name": "web_connectivity",
        "measurement_start_time": "2026-11-20 10:00:00",
        "test_start_time": "2026-11-20 10:00:00",
        "test_keys": {"accessible": True},
    }
    return json.dumps({"format": "json", "content": content}).encode()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    # A clock of its own: what is submitted in one breath is of one hour, and of November.
    running = RunningService(tmp_path_factory.mktemp("log"), settings='[clock]\nstart = "2026-11-20T12:00:00Z"\n')
    running.start()
    yield running
    running.stop()


def commands(service):
    def call(*arguments, fails=False, settings=()):
        command = [sys.executable, "-m", "ooni_entrypoints.cli", "--config", str(service.config), *settings, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


@pytest.fixture(scope="module")
def ooni(service):
    return commands(service)


@pytest.fixture(scope="module")
def uids(service, ooni):
    posted = [post(f"{service.url}/report/{REPORT.format(number)}", content=body(number)) for number in range(4)]
    assert "published 4 measurements" in ooni("publish", "--now")
    return [answer.json()["measurement_uid"] for answer in posted]


@pytest.fixture(scope="module")
def withdrawn(uids, ooni):
    told = ooni("withdraw", uids[3], "--reason", "privacy", "--yes")
    assert "is withdrawn" in told
    return uids[3]


def raw(service, uid):
    return get(f"{service.url}/api/v1/raw_measurement", params={"measurement_uid": uid})


def test_published_measurement_is_proved_to_a_stranger(service, uids, ooni):
    prefix = f"{service.url}/api/v1/transparency"
    key = VerifierKey.parse(get(f"{prefix}/keys").text)
    assert key.text in ooni("log", "keys")
    told = get(f"{prefix}/proof", params={"measurement_uid": uids[1]})
    leaf = PublishedLeaf.of(MeasurementUid(uids[1]), raw(service, uids[1]).content)
    assert told.json()["sha256"] == leaf.sha256.hex()
    proof = InclusionProof.parse(told.json()["proof"].encode())
    assert proof.verify(leaf_hash(leaf.entry), key.name, [key], ed25519_check).size >= 4


def test_proof_is_made_and_checked_offline(service, uids, ooni, tmp_path):
    file, content = tmp_path / "it.tlog-proof", tmp_path / "body.json"
    content.write_bytes(raw(service, uids[0]).content)
    key = ooni("log", "keys").strip()
    ooni("log", "prove", uids[0], "-o", str(file))
    told = ooni("log", "check", str(file), "--uid", uids[0], "--body", str(content), "--key", key)
    assert told.startswith("proved: leaf ")
    content.write_bytes(content.read_bytes().replace(b"IT", b"DE", 1))
    assert "leads to another root" in ooni(
        "log", "check", str(file), "--uid", uids[0], "--body", str(content), "--key", key, fails=True
    )


def test_withdrawn_body_is_gone_and_others_stay(service, uids, withdrawn, ooni):
    assert raw(service, withdrawn).json() == {} or raw(service, withdrawn).status_code == 404
    assert "https://3.example/" not in raw(service, withdrawn).text
    assert "https://2.example/" in raw(service, uids[2]).text
    found = get(f"{service.url}/api/v1/measurements", params={"report_id": REPORT.format(3)}).json()
    assert found["results"] == []
    prefix = f"{service.url}/api/v1/transparency"
    told = get(f"{prefix}/proof", params={"measurement_uid": withdrawn}).json()
    assert told["withdrawal"]["reason"] == "privacy"
    assert f"privacy   {withdrawn}" in ooni("log", "withdrawals")


def test_whole_log_is_verified_here_and_from_afar(service, uids, withdrawn, ooni, tmp_path):
    seen = tmp_path / "seen.checkpoint"
    told = ooni("log", "verify", "--save", str(seen))
    assert "4 measurements and 1 withdrawals" in told
    assert "3 bodies in 1 files are exactly as logged; 0 problems" in told
    assert seen.read_text() == ooni("log", "show")
    key = ooni("log", "keys").strip()
    url = f"{service.url}/api/v1/transparency"
    told = ooni("log", "verify", "--url", url, "--key", key, "--old", str(seen))
    assert "the log grew from 5 to 5 leaves" in told
    assert "needs the --key" in ooni("log", "verify", "--url", url, fails=True)
    assert "its own key file" in ooni("log", "show", "--key", key, fails=True)


def published(service, key, **headers):
    return get(f"{service.url}/api/v1/published/{key}", headers=headers)


def test_whole_files_are_streamed_with_the_checksums_of_their_manifest(service, uids, withdrawn):
    objects = service.data_dir / "objects"
    listed = {
        file.key: file
        for path in objects.glob("manifests/**/*.json")
        for file in read_manifest(path.read_bytes()).files
    }
    there = [key for key in listed if (objects / key).exists()]
    assert {key.rpartition(".")[2] for key in there} == {"gz"}
    assert len(there) == 3
    for key in there:
        answer = published(service, key, **{"Accept-Encoding": "gzip, zstd"})
        assert answer.content == (objects / key).read_bytes()
        assert "content-encoding" not in answer.headers
        digest = base64.b64decode(answer.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":"))
        assert digest == hashlib.sha256(answer.content).digest()
        assert answer.headers["etag"] == f'"{listed[key].sha256}"'
        assert int(answer.headers["content-length"]) == len(answer.content) == listed[key].bytes
    manifest = next(objects.glob("manifests/**/*.json"))
    assert published(service, manifest.relative_to(objects)).content == manifest.read_bytes()


@pytest.mark.parametrize(
    "key",
    [
        "raw/20260304/12/IT/webconnectivity/2026030412_IT_webconnectivity.n0.0.jsonl.gz",
        "transparency/checkpoint",
        "backup/private/latest.json",
        "raw/20260304/12/%2e%2e/%2e%2e/%2e%2e/%2e%2e/transparency.key",
        "raw",
        "",
    ],
)
def test_what_is_not_a_published_file_is_not_found(key, service):
    assert published(service, key).status_code == 404


def test_file_that_is_not_what_was_published_never_arrives_whole(service, uids, withdrawn):
    path = next(path for path in (service.data_dir / "objects" / "raw").rglob("*.tar.gz"))
    key, good = path.relative_to(service.data_dir / "objects"), path.read_bytes()
    try:
        path.write_bytes(good[:-30] + bytes(30))
        with pytest.raises(httpx.RemoteProtocolError):
            published(service, key)
        path.write_bytes(good[:-30])
        assert published(service, key).status_code == 503
    finally:
        path.write_bytes(good)
    assert published(service, key).content == good


def test_changed_file_is_found(service, uids, withdrawn, ooni):
    path = next(path for path in (service.data_dir / "objects" / "raw").rglob("*.jsonl.gz"))
    good = path.read_bytes()
    path.write_bytes(good[:-30] + bytes(30))
    try:
        assert "NOT PROVED" in ooni("log", "verify", fails=True)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize(
    ("uid", "reason", "words"),
    [
        ("nonsense", "privacy", "is not a measurement uid"),
        ("20261120100000.000000_IT_webconnectivity_0000000000000000", "privacy", "no published body"),
        ("20261120100000.000000_IT_webconnectivity_0000000000000000", "boredom", "Invalid value"),
    ],
)
def test_withdrawal_that_makes_no_sense_is_refused(uid, reason, words, ooni, uids):
    assert words in ooni("withdraw", uid, "--reason", reason, "--yes", fails=True)


def test_running_service_is_backed_up_and_restored_elsewhere(service, uids, withdrawn, ooni, tmp_path):
    told = ooni("backup")
    assert told.startswith("private backup ")
    assert " 3 rows" not in told
    run = ooni("backup", "list").split()[0]
    assert f"backup {run} is whole" in ooni("backup", "verify", run)
    elsewhere = ("--set", f"storage.database=duckdb:///{tmp_path}/restored.duckdb")
    assert f"from private backup {run}" in ooni("restore", run, settings=elsewhere)
    told = ooni("backup", "--set", "public", "--table", "fastpath", "--at", f"file://{tmp_path}/public")
    assert "3 rows of 1 tables" in told
    assert "2 exported files" in told
    files = sorted(path.name for path in tmp_path.rglob("fastpath_*"))
    assert files == ["fastpath_202611.csv.zstd", "fastpath_202611.parquet"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "--set", "public", "--table", "accounts"), "not a table of the public set"),
        (("restore", "--months", "2024"), "not a range of months"),
        (("restore", "20200101T000000Z"), "there is no object"),
        (("backup", "verify", "20200101T000000Z"), "there is no object"),
    ],
)
def test_backup_that_makes_no_sense_is_refused(arguments, words, ooni, uids):
    assert words in ooni(*arguments, fails=True)


def test_new_key_signs_beside_the_old_one_after_a_restart(tmp_path):
    service = RunningService(tmp_path)
    ooni = commands(service)
    service.start()
    try:
        old = ooni("log", "keys").strip()
        new = ooni("log", "keygen").strip()
        assert ooni("log", "keys").split() == [new, old]
        service.stop()
        service.start()
        post(f"{service.url}/report/{REPORT.format(9)}", content=body(9))
        ooni("publish", "--now")
        for key in (old, new):
            assert "\n1\n" in ooni("log", "show", "--url", f"{service.url}/api/v1/transparency", "--key", key)
    finally:
        service.stop()

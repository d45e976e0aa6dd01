"""The log over HTTP: what a stranger with nothing but the URL and the public key can check."""

import base64

import httpx
import pytest

from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_adapters.signing import ed25519_check
from ooni_adapters.tiles import HttpTiles, ObjectTiles
from ooni_core.errors import NotFound, Unavailable
from ooni_core.publication.transparency.audit import audit_tree
from ooni_core.publication.transparency.checkpoint import InclusionProof
from ooni_core.publication.transparency.leaves import WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.transparency.merkle import ProofFailed, leaf_hash
from ooni_core.publication.transparency.note import VerifierKey
from ooni_core.publication.transparency.view import LogView
from tests.contract.transparency.test_log_storage import NOON, leaves
from tests.service import PATIENCE_SECONDS, get

HOUR = "2026112310"


@pytest.fixture
def objects():
    return MemoryObjects()


@pytest.fixture
def served(log, serve):
    log.append_hour(HOUR, leaves(HOUR, 300))
    log.withdraw(leaves(HOUR, 300)[5].uid, WithdrawalReason.PRIVACY, NOON)
    with httpx.Client(base_url=serve(log), timeout=PATIENCE_SECONDS) as client:
        yield client


def test_checkpoint_is_plain_text_and_kept_for_seconds_only(served, log):
    answer = served.get("/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=5"
    assert answer.text.split("\n")[:2] == ["log.example/ooni", "301"]
    assert log.view.opened(answer.content).size == 301


def test_keys_are_told(served, log):
    assert served.get("/keys").text == log.view.keys[0].text + "\n"


@pytest.mark.parametrize(("path", "length"), [("0/000", 8192), ("0/001.p/45", 45 * 32), ("1/000.p/1", 32)])
def test_tiles_are_bytes_that_may_be_kept_for_ever(path, length, served):
    answer = served.get(f"/tile/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) == length


def test_partial_tile_that_was_replaced_is_cut_from_the_full_one(served):
    assert served.get("/tile/0/000.p/7").content == served.get("/tile/0/000").content[: 7 * 32]


def test_entries_are_length_prefixed(served):
    content = served.get("/tile/entries/000").content
    assert content[2 : 2 + int.from_bytes(content[:2], "big")] == leaves(HOUR, 1)[0].entry


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/002",
        "/tile/2/000.p/1",
        "/tile/0/0",
        "/tile/0/000.p/256",
        "/tile/x/000",
        "/tile/0/..%2f..%2fcheckpoint",
        "/tile/0/x001/000",
        "/hours/2026112310/2",
        "/hours/2026112310/x",
        "/hours/..%2f..%2f/0",
        "/withdrawals/1",
        "/withdrawals/-1",
        "/checkpoints/301",
        "/checkpoints/00000000000000000299",
        "/pending/x",
        "/appends/00000000000000000000",
    ],
)
def test_what_the_log_does_not_have_is_not_found(path, served):
    answer = served.get(path)
    assert answer.status_code == 404


def test_records_lead_to_leaves_and_earlier_states(served, log):
    assert served.get(f"/hours/{HOUR}/0").json()["count"] == 300
    assert served.get("/withdrawals/0").json()["start"] == 300
    assert log.view.opened(served.get("/checkpoints/00000000000000000300").content).size == 300


def test_proof_convinces_somebody_who_has_the_body_and_the_key(served, log):
    leaf = leaves(HOUR, 300)[260]
    answer = served.get("/proof", params={"measurement_uid": leaf.uid.text})
    told = answer.json()
    assert told["withdrawal"] is None
    assert (told["index"], told["length"], told["origin"]) == (260, leaf.length, "log.example/ooni")
    assert told["sha256"] == leaf.sha256.hex()
    assert told["entry"].encode() == leaf.entry
    text = served.get("/proof", params={"measurement_uid": leaf.uid.text, "format": "text"})
    assert text.text == told["proof"]
    key = VerifierKey.parse(served.get("/keys").text)
    InclusionProof.parse(text.content).verify(leaf_hash(leaf.entry), told["origin"], [key], ed25519_check)


def test_proof_of_a_withdrawn_measurement_holds_the_withdrawal(served, log):
    told = served.get("/proof", params={"measurement_uid": leaves(HOUR, 6)[5].uid.text}).json()
    withdrawal = told["withdrawal"]
    assert (withdrawal["reason"], withdrawal["time"], withdrawal["index"]) == ("privacy", "2026-11-24T12:00:00Z", 300)
    InclusionProof.parse(withdrawal["proof"].encode()).verify(
        leaf_hash(withdrawal["entry"].encode()), log.view.origin, log.view.keys, ed25519_check
    )


@pytest.mark.parametrize(
    ("uid", "status"),
    [("20261123100000.000999_IT_webconnectivity_00000000000003e7", 404), ("nonsense", 400), (None, 400)],
)
def test_proof_of_something_unknown_is_refused(uid, status, served):
    answer = served.get("/proof", params={} if uid is None else {"measurement_uid": uid})
    assert answer.status_code == status
    assert "error" in answer.json()


def test_log_without_leaves_has_no_checkpoint(log, serve):
    assert get(serve(log) + "/checkpoint").status_code == 404


def test_stranger_audits_the_whole_log_from_its_url(served, log, signer):
    view = LogView(
        HttpTiles(str(served.base_url).rstrip("/")), "log.example/ooni", [signer.verifier_key], ed25519_check
    )
    checkpoint = view.checkpoint()
    told = audit_tree(view, checkpoint)
    assert (told.measurements, len(told.withdrawn)) == (300, 1)
    earlier = view.opened(served.get("/checkpoints/00000000000000000300").content)
    view.verify_extends(earlier, checkpoint)
    assert view.prove(leaves(HOUR, 300)[299].uid).published.index == 299


def test_stranger_with_another_key_believes_nothing(served):
    other = VerifierKey("log.example/ooni", bytes(32))
    view = LogView(HttpTiles(str(served.base_url).rstrip("/")), "log.example/ooni", [other], ed25519_check)
    with pytest.raises(ProofFailed, match="no known key"):
        view.checkpoint()


def test_server_that_is_away_or_fails_is_unavailable(serve, signer):
    with pytest.raises(Unavailable):
        HttpTiles("http://127.0.0.1:1", 2).read("checkpoint")
    broken = TransparencyLog(ObjectTiles(MemoryObjects()), [signer], ed25519_check)
    broken.append_hour(HOUR, leaves(HOUR, 3))
    note = broken.storage.read("checkpoint")
    broken.storage.point("checkpoint", note.replace(b"3", b"4", 1))
    url = serve(broken)
    assert HttpTiles(url).read("tile/0/001") is None
    with pytest.raises(Unavailable, match="answered 500"):
        HttpTiles(url).read(f"proof?measurement_uid={leaves(HOUR, 1)[0].uid.text}")
    assert base64.b64decode(note.split(b"\n")[2]) == broken.settle().root


def test_url_that_is_no_url_is_refused():
    with pytest.raises(ValueError, match="url"):
        HttpTiles("file:///etc/passwd")


def test_unknown_measurement_is_not_found_from_afar(served, signer):
    view = LogView(
        HttpTiles(str(served.base_url).rstrip("/")), "log.example/ooni", [signer.verifier_key], ed25519_check
    )
    with pytest.raises(NotFound):
        view.prove(leaves("2026112311", 1)[0].uid)

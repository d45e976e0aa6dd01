"""The key file of a log."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from ooni_adapters.signing import Ed25519Signer, add_key, ed25519_check, load_or_create_keys, read_keys
from ooni_adapters.system import SystemEntropy
from ooni_core.errors import Invalid, NotFound, Unavailable

# The example key of golang.org/x/mod/sumdb/note.
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENTROPY = SystemEntropy()


def test_published_key_is_read_and_written_byte_for_byte():
    signer = Ed25519Signer.parse(SECRET)
    assert signer.secret_text == SECRET
    assert signer.verifier_key.text == PUBLIC
    assert ed25519_check(signer.public_key, b"message", signer.sign(b"message"))
    assert not ed25519_check(signer.public_key, b"massage", signer.sign(b"message"))
    assert not ed25519_check(b"short", b"message", signer.sign(b"message"))


def test_secret_is_not_shown():
    signer = Ed25519Signer.parse(SECRET)
    assert SECRET.rpartition("+")[2] not in repr(signer)
    assert repr(signer.seed) not in repr(signer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC,
        SECRET.replace("c74f20a3", "c74f20a4"),
        SECRET.replace("AYEK", "AoEK"),
        SECRET[:-4],
        SECRET.replace("AYEK", "!!!!"),
    ],
)
def test_damaged_secret_is_refused_without_repeating_it(text):
    with pytest.raises(Invalid) as refusal:
        Ed25519Signer.parse(text)
    assert "FGyNhPJEMzD1QIDr" not in str(refusal.value)


def test_first_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "new" / "transparency.key"
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: load_or_create_keys(path, "log.example", ENTROPY), range(8)))
    assert len({ring.signers[0].seed for ring in rings}) == 1
    assert rings[0].origin == "log.example"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_origin_of_an_existing_key_stays(tmp_path):
    path = tmp_path / "transparency.key"
    load_or_create_keys(path, "first.example", ENTROPY)
    assert load_or_create_keys(path, "second.example", ENTROPY).origin == "first.example"


def test_added_key_comes_first_and_the_others_still_sign(tmp_path):
    path = tmp_path / "transparency.key"
    old = add_key(path, "log.example", ENTROPY).signers[0]
    ring = add_key(path, "log.example", ENTROPY)
    assert [signer.seed for signer in ring.signers][1:] == [old.seed]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["transparency.key"]
    with pytest.raises(Invalid, match="not of"):
        add_key(path, "other.example", ENTROPY)


def test_former_key_only_verifies(tmp_path):
    path = tmp_path / "transparency.key"
    new = Ed25519Signer("PeterNeumann", bytes(32))
    path.write_text(f"# keys\n\n{new.secret_text}\n{PUBLIC}\n")
    ring = read_keys(path)
    assert [signer.seed for signer in ring.signers] == [bytes(32)]
    assert [key.text for key in ring.verifier_keys] == [new.verifier_key.text, PUBLIC]


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "exactly one log"), ("# nothing\n", "exactly one log"), (f"{SECRET}\nx+00000000+AAAA\n", "transparency.key")],
)
def test_file_that_holds_no_keys_of_one_log_is_refused(content, words, tmp_path):
    path = tmp_path / "transparency.key"
    path.write_text(content)
    with pytest.raises(Invalid, match=words):
        read_keys(path)


def test_keys_of_two_logs_in_one_file_are_refused(tmp_path):
    path = tmp_path / "transparency.key"
    path.write_text(f"{SECRET}\n{Ed25519Signer('other', bytes(32)).secret_text}\n")
    with pytest.raises(Invalid, match="exactly one log"):
        read_keys(path)


def test_missing_and_unreadable_files_are_told_apart(tmp_path):
    with pytest.raises(NotFound, match="ooni log keygen"):
        read_keys(tmp_path / "transparency.key")
    with pytest.raises(Unavailable):
        read_keys(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        load_or_create_keys(tmp_path / "file" / "transparency.key", "log.example", ENTROPY)

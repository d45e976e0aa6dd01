"""Signed notes, checkpoints and proof files: published vectors and every flipped bit."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.checkpoint import Checkpoint, InclusionProof
from ooni_core.publication.transparency.merkle import EMPTY_ROOT, ProofFailed, leaf_hash
from ooni_core.publication.transparency.note import SignedNote, VerifierKey, sign

# The example of golang.org/x/mod/sumdb/note, which defined the format.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of C2SP signed-note.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# Checkpoints and a proof of the Go checksum database, a log of that format in production.
SUMDB_ORIGIN = "go.sum database tree"
SUMDB_KEY = VerifierKey.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
SUMDB_CHECKPOINTS = [
    (
        "go.sum database tree\n15081221\nBoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=\n\n— sum.golang.org "
        "Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=\n"
    ),
    (
        "go.sum database tree\n63096908\n8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=\n\n— sum.golang.org "
        "Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk=\n"
    ),
]
SUMDB_ENTRY = (
    b"github.com/transparency-dev/tessera v1.0.0 h1:4OT1V9xJLa5NnYlFWWlCdZkCm18/o12rdd+bCTje7XE=\n"
    b"github.com/transparency-dev/tessera v1.0.0/go.mod h1:TLvfjlkbmsmKVEJUtzO2eb9Q2IBnK3EJ0dI4G0oxEOU=\n"
)
SUMDB_PROOF = """c2sp.org/tlog-proof@v1
index 43930254
Q2cuq1e21q4UC1RQ6wtmXmCxk2q3Wqz/yFvD12P2KSM=
VdgHwjNYSv9fZVxvYzn8kySGvrjqeCnzdJqJILieWf4=
ARfBpZjsj3LSP42V4xBVdCKbHVa4WXSbuFAa0rUSCVQ=
0VYgz0Vmgz6jOM8H6edZBWHtO6+R7tPvN4EOwwRRSws=
vq+ifloynXE+ORFC1wymQT0cpNIJA1tqg2mQpA55+kc=
SCRewH6vHE1/Vwkt5yEW8xT7il0WbWltXjFIVqlGtQQ=
p//fIG8jgZie4MMwjHF7quCIJ4hErr7U4at0HV34MZQ=
D3K5YdBlxQcklrgF8vSbDyT05J5/mA9lzuhhp72uSOk=
jeYlYyH9FhYGwu+ZJmfPr8GvSNdgrydwqmJgHsygoR0=
p6RFgfGhu8Uuy0LyyZdI4MrSPOZkMe+ycwWJFfr8zTI=
AMZsxrVKBPSe8nSNVVCTyTxWns0CiNbChG/FoiSJWuM=
e+rtSmK5Pd1K5LgFwj7VSo5XJXOcq7OOcqPVZn1hqeM=
expmv1e6XiGr5NMUjMRkSZijlcBx+fZcpqQmUnawhOY=
+Wuic0YARH84k80/Q+KJIbhRCldxG8npjLFiHMLtEpo=
NOMeJqlyUxFXUKYRI/1YqAF4WJBfXJr8UM/SlWGqxgY=
Lm6+TAlLb2lvUs/3unZ2t6RSmJw8RO+WuEuUbAw3QEc=
Jhh2EDG15gDBoLmLiF88lVTgd+uvx3L0xczb8Y3kSq8=
taenaiKqtYMXS3gDzIF3q8VZzqAXqftHqL9BC39njaw=
kZNKypGwEANnt1+msLINnqrIrwX+0MGZUTTKXTfbloI=
A4NJSymjVJ5dvGPaGC3Gj04x8qVRKYfh0pP24mwd6Yk=
KQq808D9W4NUgr4ip+rF/RCyAUERYKKCwKiiAJfaFOc=
I3EVN3zM2rDjs5Q06Zr5gxhg+ksnX2h77E75uL+h3aI=
7iNSYSDhMeRkeV7r9krKbKelNPiqDCJU1i6xAn/Fbuw=
MYqdo6zSjxaAn+29EEjNRbPYm0myB3bheu+HTZIAbVY=
S7olT9TPLXk+bbawbV3sAzWMmhcpWrtjbw++9ZTiyn8=
xJ20xXM4QItt5vxFOtolZ5l18p7ej1+RimNkgWmoRFM=

go.sum database tree
58253265
lIyLAEe4zJUQAda6pFFg3yPOf7j1SgfMEDrpgoX39JU=

— sum.golang.org Az3grkvBHbFcpEFQ3BhGlktgB7pcswIW+ez91eWY6rNPtWfAey8bJO2rVoG2yO5zXvgiaikWVHqon+e14JhA+WXvpAY=
""".encode()


class GoSigner:
    name = "PeterNeumann"
    _key = Ed25519PrivateKey.from_private_bytes(GO_SEED)
    public_key = _key.public_key().public_bytes_raw()

    def sign(self, message):
        return self._key.sign(message)


@pytest.mark.parametrize(("key", "note"), [(GO_KEY, GO_NOTE), (C2SP_KEY, C2SP_NOTE)])
def test_published_note_is_verified_and_written_again_byte_for_byte(key, note, signature_check):
    parsed = SignedNote.parse(note.encode())
    assert parsed.verified([VerifierKey.parse(key)], signature_check) == note.partition("\n\n")[0] + "\n"
    assert parsed.content == note.encode()


def test_signing_the_published_text_gives_the_published_note():
    assert sign(GO_TEXT, [GoSigner()]).content == GO_NOTE.encode()


def test_published_key_is_written_again_byte_for_byte():
    assert VerifierKey.parse(GO_KEY).text == GO_KEY
    assert VerifierKey("PeterNeumann", GoSigner.public_key).text == GO_KEY


def test_every_flipped_bit_of_a_signed_note_is_noticed(signature_check):
    note = GO_NOTE.encode()
    for at in range(len(note)):
        for bit in range(8):
            broken = note[:at] + bytes([note[at] ^ (1 << bit)]) + note[at + 1 :]
            with pytest.raises((Invalid, ProofFailed)):
                SignedNote.parse(broken).verified([VerifierKey.parse(GO_KEY)], signature_check)


def test_signature_of_an_unknown_key_is_ignored_beside_a_known_one(make_key, signature_check):
    ours, other = make_key(1), make_key(2)
    note = SignedNote.parse(sign("text\n", [other, ours]).content)
    key = VerifierKey(ours.name, ours.public_key)
    assert note.verified([key], signature_check) == "text\n"
    with pytest.raises(ProofFailed, match="no known key"):
        SignedNote.parse(sign("text\n", [other]).content).verified([key], signature_check)


def test_wrong_signature_of_a_known_key_spoils_the_note(make_key, signature_check):
    ours, second = make_key(1), make_key(2)
    good, foreign = sign("text\n", [ours, second]), sign("other\n", [second])
    mixed = SignedNote("text\n", (good.signatures[0], foreign.signatures[0]))
    keys = [VerifierKey(key.name, key.public_key) for key in (ours, second)]
    with pytest.raises(ProofFailed, match="is wrong"):
        mixed.verified(keys, signature_check)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash AAAAAAAA\n",
        "text\n\n— name\n".encode(),
        "text\n\n— na+me AAAAAAAA\n".encode(),
        "text\n\n— name !!!!\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— name AAAAAAB=\n".encode(),
        "text\n\n— name AAAAAAAA".encode(),
        "te\rxt\n\n— name AAAAAAAA\n".encode(),
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + "— name AAAAAAAA\n".encode() * 65,
        bytes(1 << 21),
    ],
)
def test_content_that_is_no_note_is_refused(content):
    with pytest.raises(Invalid):
        SignedNote.parse(content)


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcAQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann",
        "",
    ],
)
def test_text_that_is_no_public_key_is_refused(text):
    with pytest.raises(Invalid):
        VerifierKey.parse(text)


@pytest.mark.parametrize("text", ["no newline", "control\x07\n"])
def test_text_that_cannot_be_a_note_is_not_signed(text, make_key):
    with pytest.raises(Invalid):
        sign(text, [make_key(1)])


@pytest.mark.parametrize("note", SUMDB_CHECKPOINTS)
def test_checkpoint_of_a_log_in_production_is_opened(note, signature_check):
    checkpoint = Checkpoint.opened(note.encode(), SUMDB_ORIGIN, [SUMDB_KEY], signature_check)
    assert checkpoint.text == note.partition("\n\n")[0] + "\n"
    assert checkpoint.size == int(note.split("\n")[1])


def test_checkpoint_of_another_log_is_refused(signature_check):
    with pytest.raises(Invalid, match="not of"):
        Checkpoint.opened(SUMDB_CHECKPOINTS[0].encode(), "other log", [SUMDB_KEY], signature_check)


def test_extension_lines_of_a_checkpoint_are_accepted():
    text = "origin\n0\n" + base64.b64encode(EMPTY_ROOT).decode() + "\nmore\n"
    assert Checkpoint.parse(text) == Checkpoint.empty("origin")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n5\n",
        "origin\n05\n" + "A" * 43 + "=\n",
        "origin\n-5\n" + "A" * 43 + "=\n",
        "origin\n٥\n" + "A" * 43 + "=\n",
        "origin\n5\nAAAA\n",
        "origin\n5\n" + "A" * 42 + "B=\n",
        "\n5\n" + "A" * 43 + "=\n",
        "origin\n5\n" + "A" * 43 + "=\n\nmore\n",
        "origin\n5\n" + "A" * 43 + "=",
    ],
)
def test_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(Invalid):
        Checkpoint.parse(text)


def test_proof_of_a_log_in_production_is_verified_and_written_again_byte_for_byte(signature_check):
    proof = InclusionProof.parse(SUMDB_PROOF)
    assert proof.content == SUMDB_PROOF
    checkpoint = proof.verify(leaf_hash(SUMDB_ENTRY), SUMDB_ORIGIN, [SUMDB_KEY], signature_check)
    assert checkpoint.size == 58_253_265


def test_proof_of_another_entry_is_refused(signature_check):
    with pytest.raises(ProofFailed):
        InclusionProof.parse(SUMDB_PROOF).verify(leaf_hash(b"x"), SUMDB_ORIGIN, [SUMDB_KEY], signature_check)


def test_every_flipped_bit_of_a_proof_file_is_noticed(signature_check):
    leaf = leaf_hash(SUMDB_ENTRY)
    for at in range(len(SUMDB_PROOF)):
        for bit in range(8):
            broken = SUMDB_PROOF[:at] + bytes([SUMDB_PROOF[at] ^ (1 << bit)]) + SUMDB_PROOF[at + 1 :]
            with pytest.raises((Invalid, ProofFailed)):
                InclusionProof.parse(broken).verify(leaf, SUMDB_ORIGIN, [SUMDB_KEY], signature_check)


def test_extra_data_of_a_proof_is_skipped(signature_check):
    with_extra = SUMDB_PROOF.replace(b"\nindex", b"\nextra QUJD\nindex", 1)
    proof = InclusionProof.parse(with_extra)
    assert proof.verify(leaf_hash(SUMDB_ENTRY), SUMDB_ORIGIN, [SUMDB_KEY], signature_check).size == 58_253_265


@pytest.mark.parametrize(
    "content", [b"", b"index 5\n\n", b"c2sp.org/tlog-proof@v1\n\n", b"c2sp.org/tlog-proof@v1\nindex x\n\n", b"\xff\n\n"]
)
def test_content_that_is_no_proof_is_refused(content):
    with pytest.raises(Invalid):
        InclusionProof.parse(content)

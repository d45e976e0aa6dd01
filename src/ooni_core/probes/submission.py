"""Submission in one step: a measurement without a report opened before, with or without a credential's proof."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from ooni_core.errors import Invalid
from ooni_core.intake.service import IntakeService
from ooni_core.measurement import ReportId
from ooni_core.ports import Clock, Entropy
from ooni_core.probes.credentials import Credentials, ProofFields, Verification

PROTOCOL_VERSION = "0.1.0"

_CC = re.compile(r"[A-Z0-9]{2}")
_ASN = re.compile(r"AS(\d{1,10})")
_PROOF = ("nym", "zkp_request", "manifest_version", "protocol_version")
_RANDOM_BYTES = 12
_ENCODER = msgspec.json.Encoder()
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BadMetadata(Invalid):
    """The measurement does not say properly where and by what it was made.

    Attributes:
        codes: what is wrong, in the codes that probes know.
    """

    def __init__(self, codes: list[str]) -> None:
        super().__init__("bad_metadata", f"Errors: {codes}")
        self.codes = codes


@attrs.frozen
class Submission:
    """A one-step submission as it came, its shape checked.

    Attributes:
        content: the measurement's JSON text: a proof covers exactly these bytes.
    """

    content: str
    proof: ProofFields

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Submission":
        """Read the body of a submission.

        Raises:
            Invalid: ``format`` or ``content`` are missing or wrong.
        """
        content = document.get("content")
        if document.get("format") != "json" or not isinstance(content, str):
            raise Invalid("Incorrect format", 'expected "format": "json" and "content": the measurement as a JSON text')
        values = [document.get(name) for name in _PROOF]
        if not all(value is None or isinstance(value, str) for value in values):
            raise Invalid("Incorrect format", f"{', '.join(_PROOF)} are texts or null")
        return cls(content, ProofFields(*(value or None for value in values)))


@attrs.frozen
class Accepted:
    """A measurement that is on disk, and what became of its proof."""

    measurement_uid: str
    report_id: str
    verification: Verification


@attrs.frozen
class SubmissionService:
    """Accepts one-step submissions.

    Attributes:
        collector_id: identity of this host, part of the report ids it makes.
        credentials: None when this installation does not offer any: all submissions are unverified then.
    """

    intake: IntakeService
    clock: Clock
    entropy: Entropy
    collector_id: str
    credentials: Credentials | None = None

    def submit(self, submission: Submission) -> Accepted:
        """Keep a measurement under a report id of its own. On return it survives a power cut.

        The pseudonym and the proof are looked at and never stored.

        Raises:
            Invalid: it cannot be a measurement; nothing was kept.
            Unavailable: it could not be made durable; the probe should try again.
        """
        members = _members(submission.content)
        cc, asn, test_name = (_text(members, name) for name in ("probe_cc", "probe_asn", "test_name"))
        codes = list(_problems(cc, asn, test_name))
        if codes:
            with self.intake.refusing("bad_metadata"):
                raise BadMetadata(codes)
        verification = self._verification(submission, cc, asn)
        report_id = ReportId.mint(
            self.clock.now(), test_name, cc, int(asn[2:]), self.collector_id, self.entropy.bytes(_RANDOM_BYTES)
        )
        uid = self.intake.receive(
            report_id, _envelope(members, report_id, submission.proof, verification), vouched=True
        )
        if uid is None:
            raise BadMetadata(["cc_zz"])
        return Accepted(uid.text, report_id.text, verification)

    def _verification(self, submission: Submission, cc: str, asn: str) -> Verification:
        if self.credentials is not None:
            return self.credentials.verify(submission.proof, cc, asn, submission.content)
        return Verification("unverified", error=None if submission.proof.none_given else "manifest_not_found")


def _members(content: str) -> dict[str, msgspec.Raw]:
    """Split a measurement into its members without reading them: numbers and texts keep their spelling."""
    try:
        return _MEMBERS.decode(content)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as exc:
        raise Invalid("Incorrect format", f"content is not the JSON text of an object: {exc}") from exc


def _text(members: Mapping[str, msgspec.Raw], name: str) -> str:
    try:
        value = msgspec.json.decode(members.get(name, msgspec.Raw(b"null")))
    except msgspec.DecodeError as exc:
        raise Invalid("Incorrect format", f"content.{name} is not JSON: {exc}") from exc
    return value if isinstance(value, str) else ""


def _problems(cc: str, asn: str, test_name: str) -> Iterator[str]:
    if not _CC.fullmatch(cc):
        yield "bad_cc"
    if not 2 <= len(test_name) <= 30:
        yield "tn_len"
    elif test_name != test_name.lower():
        yield "tn_no_lower"
    if not 3 <= len(asn) <= 12:
        yield "asn_len"
    elif not asn.startswith("AS"):
        yield "asn_no_as_prefix"
    elif not _ASN.fullmatch(asn):
        yield "asn_invalid"
    elif int(asn[2:]) == 0:
        yield "asn_0"
    elif asn.startswith("AS0"):
        yield "asn_leading_zero"
    if cc == "ZZ":
        yield "cc_zz"


def _envelope(
    members: dict[str, msgspec.Raw], report_id: ReportId, proof: ProofFields, verification: Verification
) -> bytes:
    named = {**members, "report_id": msgspec.Raw(_ENCODER.encode(report_id.text))}
    return _ENCODER.encode(
        {
            "content": named,
            "format": "json",
            "is_verified": verification.is_verified,
            "manifest_version": proof.manifest_version,
            "protocol_version": proof.protocol_version,
        }
    )

"""Anonymous credentials: proof that a submission comes from a probe we know, without saying from which one.

The cryptography is a port; the rules of the manifest and of the answers are here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from ooni_core.errors import Invalid, NotFound, OoniError

ANY = "*"
_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}")
_LEAST_PROTOCOL = "0.1.0"


class CredentialRefused(OoniError):
    """A proof or request does not hold. The code is one that probes know."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CredentialIssuer(Protocol):
    """Signs and verifies credentials. Requests, answers and proofs are opaque texts."""

    @property
    def public_parameters(self) -> str:
        """What probes need to make requests and proofs."""

    @property
    def protocol_version(self) -> str:
        """Version of the protocol that it speaks, ``0.1.0``."""

    @property
    def library_version(self) -> str:
        """Version of the library behind it."""

    def today(self) -> int:
        """Return the day (Julian day number) on which a credential signed now is issued."""

    def sign(self, request: str) -> str:
        """Answer the request for a credential.

        Raises:
            CredentialRefused: it cannot be answered.
        """

    def verify(self, proof: "Proof", age: tuple[int, int], min_measurement_count: int) -> str:
        """Check a proof and return what renews the credential.

        Raises:
            CredentialRefused: it does not hold.
        """


@attrs.frozen
class Proof:
    """A submission and what proves it.

    Attributes:
        nym: pseudonym for this country and network.
        request: the proof.
        probe_cc: as in the measurement.
        probe_asn: as in the measurement, ``AS1234``.
        content: the text that was submitted, byte for byte.
    """

    nym: str
    request: str
    probe_cc: str
    probe_asn: str
    content: str


def _is_age(_: object, attribute: "attrs.Attribute[Any]", value: tuple[int, ...]) -> None:
    if len(value) != 2 or value[0] > value[1]:
        raise Invalid(f"{attribute.name} of a submission policy is a pair of days, the earlier first")


@attrs.frozen
class SubmissionPolicy:
    """Which credentials are good for submissions from some place.

    Attributes:
        probe_cc: country, ``*`` for all.
        probe_asn: network ``AS1234``, ``*`` for all.
        age: first and last day (Julian day numbers) on which the credential may have been issued.
        min_measurement_count: measurements that must have been submitted with it before.
    """

    probe_cc: str
    probe_asn: str
    age: tuple[int, int] = attrs.field(validator=_is_age)
    min_measurement_count: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as probes read it."""
        return {
            "match": {"probe_cc": self.probe_cc, "probe_asn": self.probe_asn},
            "policy": {"age": list(self.age), "min_measurement_count": self.min_measurement_count},
        }


@attrs.frozen
class Manifest:
    """What probes must know before they ask for a credential.

    Attributes:
        version: changes with the keys: probes ask for a new credential then.
        last_modified: ``2026-07-01T00:00:00Z``.
        policies: the first that matches counts; the last one matches everything.
    """

    version: str
    last_modified: str
    nym_scope: str
    policies: Sequence[SubmissionPolicy]

    def __attrs_post_init__(self) -> None:
        if not self.policies or (self.policies[-1].probe_cc, self.policies[-1].probe_asn) != (ANY, ANY):
            raise Invalid("the last submission policy of a manifest must be for every country and network")

    def policy_for(self, probe_cc: str, probe_asn: str) -> SubmissionPolicy:
        """Return the policy for submissions from there."""
        return next(
            policy
            for policy in self.policies
            if policy.probe_cc in {ANY, probe_cc} and policy.probe_asn in {ANY, probe_asn}
        )


@attrs.frozen
class Verification:
    """What became of a proof.

    Attributes:
        status: ``verified``, ``unverified`` (none that could be checked) or ``failed``.
        submit_response: renews the credential, when verified.
        error: code of what was wrong.
    """

    status: str
    submit_response: str | None = None
    error: str | None = None

    @property
    def is_verified(self) -> str:
        """The flag that is stored with the measurement."""
        return {"verified": "t", "failed": "f"}.get(self.status, "u")


@attrs.frozen
class ProofFields:
    """The fields of a submission that concern the proof, as they came; None when absent or null."""

    nym: str | None
    zkp_request: str | None
    manifest_version: str | None
    protocol_version: str | None

    @property
    def none_given(self) -> bool:
        """True when the probe chose to prove nothing."""
        return not any((self.nym, self.zkp_request, self.manifest_version, self.protocol_version))


@attrs.frozen
class Credentials:
    """The use cases of anonymous credentials."""

    issuer: CredentialIssuer
    manifest: Manifest
    manifest_url: str

    def document(self) -> dict[str, Any]:
        """Return the manifest as probes read it."""
        return {
            "manifest": {
                "nym_scope": self.manifest.nym_scope,
                "submission_policy": [policy.document() for policy in self.manifest.policies],
                "public_parameters": self.issuer.public_parameters,
            },
            "meta": {
                "version": self.manifest.version,
                "last_modification_date": self.manifest.last_modified,
                "manifest_url": self.manifest_url,
                "library_version": self.issuer.library_version,
                "protocol_version": self.issuer.protocol_version,
            },
        }

    def sign(self, manifest_version: str, request: str) -> dict[str, Any]:
        """Issue a credential.

        Raises:
            NotFound: the manifest is another one by now.
            CredentialRefused: the request cannot be answered.
        """
        if manifest_version != self.manifest.version:
            raise NotFound(f"No manifest with version '{manifest_version[:80]}' was found")
        return {"credential_sign_response": self.issuer.sign(request), "emission_day": self.issuer.today()}

    def verify(self, fields: ProofFields, probe_cc: str, probe_asn: str, content: str) -> Verification:
        """Check the proof of a submission. Never a reason to refuse the measurement itself."""
        if fields.none_given:
            return Verification("unverified")
        if fields.manifest_version != self.manifest.version:
            return Verification("unverified", error="manifest_not_found")
        if not (fields.nym and fields.zkp_request and fields.protocol_version):
            return Verification("unverified", error="incomplete_anonc_fields")
        problem = _protocol_problem(fields.protocol_version)
        if problem:
            return Verification("unverified", error=problem)
        policy = self.manifest.policy_for(probe_cc, probe_asn)
        proof = Proof(fields.nym, fields.zkp_request, probe_cc, probe_asn, content)
        try:
            answer = self.issuer.verify(proof, policy.age, policy.min_measurement_count)
        except CredentialRefused as exc:
            return Verification("failed", error=exc.code)
        return Verification("verified", submit_response=answer)


def _protocol_problem(version: str) -> str | None:
    if not _VERSION.fullmatch(version):
        return "invalid_protocol_version"
    numbers, least = ([int(part) for part in text.split(".")] for text in (version, _LEAST_PROTOCOL))
    return "protocol_version_too_old" if numbers < least else None


def manifest_of(document: Mapping[str, Any]) -> Manifest:
    """Read a manifest: ``version``, ``last_modification_date``, ``nym_scope``, ``submission_policy``.

    Raises:
        Invalid: something is missing or cannot be right.
    """
    try:
        policies = [
            SubmissionPolicy(
                each["match"]["probe_cc"],
                each["match"]["probe_asn"],
                tuple(int(day) for day in each["policy"]["age"]),  # type: ignore[arg-type]
                int(each["policy"]["min_measurement_count"]),
            )
            for each in document["submission_policy"]
        ]
        texts = [document[name] for name in ("version", "last_modification_date", "nym_scope")]
    except (KeyError, TypeError, ValueError) as exc:
        raise Invalid(f"a credential manifest needs version, nym_scope, submission_policy: {exc!r}") from exc
    if not all(isinstance(text, str) and text for text in texts):
        raise Invalid("version, last_modification_date and nym_scope of a credential manifest are texts")
    return Manifest(texts[0], texts[1], texts[2], policies)

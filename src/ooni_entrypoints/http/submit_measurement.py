"""Submission in one step, and the anonymous credentials that can go with it."""

from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_core.errors import Invalid, NotFound
from ooni_core.probes.credentials import CredentialRefused
from ooni_core.probes.submission import PROTOCOL_VERSION, BadMetadata, Submission, SubmissionService
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import NO_CACHE, json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Submissions = NamedDependency[SkipValidation[SubmissionService]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_REFUSAL_STATUS = {"deserialization_failed": 400, "protocol_error": 403, "credential_error": 403}


def _answer(status: int, code: str, message: str) -> Response[bytes]:
    return json_answer({"error": message, "detail": {"error": code, "message": message}}, status, NO_CACHE)


def answer_metadata(_: AnyRequest, error: BadMetadata) -> Response[bytes]:
    """Say what is wrong with a measurement's metadata, in the codes that probes know."""
    return _answer(400, "bad_metadata", error.detail)


def answer_refused_credential(_: AnyRequest, error: CredentialRefused) -> Response[bytes]:
    """Say why a credential is not issued."""
    return _answer(_REFUSAL_STATUS.get(error.code, 400), error.code, str(error))


def answer_no_manifest(_: AnyRequest, error: NotFound) -> Response[bytes]:
    """Say that there is no such manifest."""
    return _answer(404, "manifest_not_found", str(error))


@post(
    "/api/v1/submit_measurement",
    status_code=200,
    tags=["probes"],
    exception_handlers={BadMetadata: answer_metadata},
)
async def submit_measurement_once(
    request: AnyRequest, submissions: Submissions, service_settings: Limits
) -> Response[bytes]:
    """Submit one measurement without opening a report: `{"format": "json", "content": "<the measurement as text>"}`.

    `nym`, `zkp_request`, `manifest_version` and `protocol_version` may prove that a known probe sends it; a proof that
    does not hold is reported, and the measurement kept all the same. The answer is sent when it is on disk.
    """
    submission = Submission.from_document(await json_object(request, service_settings, refusal="Incorrect format"))
    accepted = await anyio.to_thread.run_sync(submissions.submit, submission, limiter=request.app.state.intake_limiter)
    return json_answer(
        {
            "error": accepted.verification.error,
            "measurement_uid": accepted.measurement_uid,
            "protocol_version": PROTOCOL_VERSION,
            "report_id": accepted.report_id,
            "submit_response": accepted.verification.submit_response,
            "verification_status": accepted.verification.status,
        }
    )


@get("/api/v1/manifest", tags=["probes"], exception_handlers={NotFound: answer_no_manifest})
async def manifest(submissions: Submissions) -> Response[bytes]:
    """Return what probes must know before they ask for a credential; 404 where credentials are not offered."""
    if submissions.credentials is None:
        raise NotFound("this installation does not offer anonymous credentials")
    return json_answer(submissions.credentials.document(), cache="max-age=60")


@post(
    "/api/v1/sign_credential",
    status_code=200,
    tags=["probes"],
    exception_handlers={NotFound: answer_no_manifest, CredentialRefused: answer_refused_credential},
)
async def sign_credential(request: AnyRequest, submissions: Submissions, service_settings: Limits) -> Response[bytes]:
    """Issue an anonymous credential: `manifest_version` and `credential_sign_request`."""
    document = await json_object(request, service_settings)
    version, asked = document.get("manifest_version"), document.get("credential_sign_request")
    if not isinstance(version, str) or not isinstance(asked, str):
        raise Invalid("manifest_version and credential_sign_request are texts")
    if submissions.credentials is None:
        raise NotFound(f"No manifest with version '{version[:80]}' was found")
    return json_answer(await anyio.to_thread.run_sync(submissions.credentials.sign, version, asked))


handlers = [submit_measurement_once, manifest, sign_credential]

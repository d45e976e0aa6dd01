"""``/report``: how probes open a report, submit measurements and close it."""

from typing import Annotated, Any

import anyio
import orjson
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter, SkipValidation

from ooni_core.errors import Invalid
from ooni_core.intake.model import ReportRequest
from ooni_core.intake.service import IntakeService
from ooni_core.measurement import ReportId
from ooni_core.probes.location import Origins
from ooni_entrypoints.http.bodies import decoded
from ooni_entrypoints.http.client_address import address_of
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

# What probes of every age look for in the answer to an opened report.
_BACKEND_VERSION = "1.3.5"
_FORMATS = ["yaml", "json"]
_REFUSED = ResponseSpec(dict[str, str], description="The request cannot be right; `error` says why.")

Intake = NamedDependency[SkipValidation[IntakeService]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]
Compared = NamedDependency[SkipValidation[Origins]]
AnyRequest = Request[Any, Any, Any]
ReportIdText = Annotated[str, Parameter(description="As given by POST /report.")]


@post("/report", status_code=200, tags=["probes"], responses={400: _REFUSED})
async def open_report(request: AnyRequest, intake: Intake, service_settings: Limits) -> Response[bytes]:
    """Open a report.

    The body is a JSON object, whatever its content type: `test_name` and, if known, `probe_cc` (`IT`) and `probe_asn`
    (`AS1234`). Other keys are ignored.
    """
    document = _json_object(await _body(request, service_settings))
    report_id = intake.open_report(ReportRequest.from_document(document))
    return json_answer(
        {"backend_version": _BACKEND_VERSION, "report_id": report_id.text, "supported_formats": _FORMATS}
    )


@post("/report/{report_id:str}", status_code=200, tags=["probes"], responses={400: _REFUSED, 413: _REFUSED})
async def submit_measurement(
    request: AnyRequest, report_id: ReportIdText, intake: Intake, origins: Compared, service_settings: Limits
) -> Response[bytes]:
    """Submit one measurement: `{"format": "json", "content": {…}}`, plain or compressed with gzip or zstd.

    The answer holds its `measurement_uid`; it is sent when the measurement is on disk. A report without country or
    network is answered `{}` and dropped.
    """
    with intake.refusing("bad_report_id"):
        report = ReportId.parse(report_id)
    if intake.drops(report):
        return json_answer({})
    origins.compare(report.probe_cc, report.probe_asn, address_of(request, service_settings))
    wire, encoding = await request.body(), request.headers.get("content-encoding", "")

    def keep() -> str | None:
        with intake.refusing("bad_encoding"):
            body = decoded(wire, encoding, service_settings.max_decompressed_bytes)
        uid = intake.receive(report, body)
        return uid.text if uid else None

    uid = await anyio.to_thread.run_sync(keep, limiter=request.app.state.intake_limiter)
    return json_answer({"measurement_uid": uid} if uid else {})


@post("/report/{report_id:str}/close", status_code=200, tags=["probes"], cache_control=None)
async def close_report(report_id: ReportIdText) -> Response[bytes]:
    """Close a report: nothing is left to do, old probes ask all the same."""
    return json_answer({}, cache="max-age=3600")


async def _body(request: AnyRequest, limits: ServiceSettings) -> bytes:
    wire = await request.body()
    return decoded(wire, request.headers.get("content-encoding", ""), limits.max_decompressed_bytes)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Invalid("JSON expected", str(exc)) from exc
    if not isinstance(document, dict):
        raise Invalid("JSON expected", "expected an object")
    return document


handlers = [open_report, submit_measurement, close_report]

"""Check-in: what probes ask before they measure."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_core.probes.checkin import CheckInRequest, CheckInService
from ooni_entrypoints.http.client_address import address_of
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
CheckIns = NamedDependency[SkipValidation[CheckInService]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]


@post("/api/v1/check-in", status_code=200, tags=["probes"])
async def check_in(request: AnyRequest, check_ins: CheckIns, service_settings: Limits) -> Response[bytes]:
    """Tell a probe where it seems to be, which flags hold, which helpers to use and which URLs to measure.

    The body is a JSON object, whatever its content type. All keys are optional: `probe_cc`, `probe_asn`, `run_type`
    (`timed` or `manual`), `charging`, `web_connectivity.category_codes`, `platform`, `software_name`,
    `software_version`. Nothing of it is stored.
    """
    asked = CheckInRequest.from_document(await json_object(request, service_settings))
    return json_answer(check_ins.check_in(asked, address_of(request, service_settings)))


@post("/api/_/check-in", status_code=200, tags=["probes"])
async def check_in_v2(request: AnyRequest, check_ins: CheckIns, service_settings: Limits) -> Response[bytes]:
    """Answer the experimental form of check-in, with targets for every nettest."""
    asked = CheckInRequest.from_document(await json_object(request, service_settings))
    return json_answer(check_ins.check_in_v2(asked, address_of(request, service_settings)))


handlers = [check_in, check_in_v2]

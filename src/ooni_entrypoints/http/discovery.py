"""Where probes find collectors and test helpers, and small questions that need no database."""

from typing import Any

from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.errors import Invalid
from ooni_core.probes.address import parsed
from ooni_core.probes.location import Geolocator
from ooni_core.probes.services import ServiceDirectory
from ooni_entrypoints.http.client_address import address_of
from ooni_entrypoints.http.parameters import REPORT_ID, documented
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Directory = NamedDependency[SkipValidation[ServiceDirectory]]
Locator = NamedDependency[SkipValidation[Geolocator]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_MOST_ADDRESSES = 100


@get("/api/v1/collectors", tags=["probes"])
async def collectors(service_directory: Directory) -> Response[bytes]:
    """List the collectors that probes can submit to."""
    found = [each.document() for each in service_directory.services().collectors]
    return json_answer(found, cache="max-age=3600")


@get("/api/v1/test-helpers", tags=["probes"])
async def test_helpers(request: AnyRequest, service_directory: Directory, service_settings: Limits) -> Response[bytes]:
    """List the test helpers, in the order in which this client should try them.

    Probes choose their API by this route, so it depends on nothing and always answers 200.
    """
    helpers = service_directory.services().helpers_for(address_of(request, service_settings))
    return json_answer(helpers, cache="max-age=0")


@post("/bouncer/net-tests", status_code=200, tags=["probes"])
async def bouncer_net_tests(
    request: AnyRequest, service_directory: Directory, service_settings: Limits
) -> Response[bytes]:
    """Answer probes of 2012 to 2020: collector and helpers for each of `net-tests`."""
    document = await json_object(request, service_settings, refusal="Malformed request")
    requested = document.get("net-tests")
    if not isinstance(requested, list):
        raise Invalid("Malformed request")
    return json_answer({"net-tests": service_directory.services().net_tests_for(requested)})


@post("/api/v1/geolookup", status_code=200, tags=["probes"])
async def geolookup(request: AnyRequest, geolocator: Locator, service_settings: Limits) -> Response[bytes]:
    """Say in which country and network each of `addresses` (at most 100) is; null where it is not known."""
    document = await json_object(request, service_settings)
    addresses = document.get("addresses", [])
    if not isinstance(addresses, list) or len(addresses) > _MOST_ADDRESSES:
        raise Invalid(f"addresses is a list of at most {_MOST_ADDRESSES} texts")
    found = {}
    for text in addresses:
        address = parsed(text) if isinstance(text, str) else None
        if address is None:
            raise Invalid(f"{str(text)[:60]!r} is not an IP address")
        located = geolocator.locate(address)
        found[text] = {"as_name": located.network_name, "asn": located.asn, "cc": located.cc}
    return json_answer({"geolocation": found, "v": 1})


@get("/api/_/check_report_id", tags=["probes"], operation_class=documented(REPORT_ID))
async def check_report_id() -> Response[bytes]:
    """Tell old apps that their report is known: every report id is, whatever it looks like."""
    return json_answer({"found": True, "v": 0}, cache="max-age=1")


@get("/invalidpath", include_in_schema=False)
async def invalid_path() -> Response[bytes]:
    """Answer the path that monitors use to see a 404 of ours."""
    return json_answer({"error": 404}, status=404)


@put("/api/v1/update/{client_id:str}", status_code=200, tags=["probes"])
async def update_client(client_id: FromPath[str]) -> Response[bytes]:
    """Answer old probes that report changes of theirs. Nothing is stored."""
    return json_answer({"status": "ok"})


handlers = [
    collectors,
    test_helpers,
    bouncer_net_tests,
    geolookup,
    check_report_id,
    invalid_path,
    update_client,
]

"""Registration and login of probes, and the inputs that only registered probes get."""

import re
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.errors import Invalid
from ooni_core.probes.inputs import InputDocument, ProbeInputs, VpnConfigs
from ooni_core.probes.login import ProbeLogin
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import NO_CACHE, bytes_answer, json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Login = NamedDependency[SkipValidation[ProbeLogin]]
Inputs = NamedDependency[SkipValidation[ProbeInputs]]
Vpn = NamedDependency[SkipValidation[VpnConfigs]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_CC = re.compile(r"[A-Z]{2}")


@post("/api/v1/register", status_code=200, tags=["probes"])
async def register(request: AnyRequest, probe_login: Login) -> Response[bytes]:
    """Give a probe its `client_id`. The body is JSON; nothing of it is used or stored."""
    if "json" not in request.headers.get("content-type", ""):
        raise Invalid("error: JSON expected!")
    return json_answer({"client_id": probe_login.register()})


@post("/api/v1/login", status_code=200, tags=["probes"])
async def login(request: AnyRequest, probe_login: Login, service_settings: Limits) -> Response[bytes]:
    """Exchange `username`, the client id, for a bearer token. The password is not looked at."""
    document = await json_object(request, service_settings)
    found = probe_login.login(document.get("username"))
    return json_answer({"expire": f"{found.expire:%Y-%m-%dT%H:%M:%SZ}", "token": found.token})


@get("/api/v1/test-list/psiphon-config", sync_to_thread=True, tags=["probes"])
def psiphon_config(request: AnyRequest, probe_login: Login, probe_inputs: Inputs) -> Response[bytes]:
    """Return the Psiphon configuration to a probe that logged in."""
    probe_login.check(request.headers.get("authorization"))
    return _document(probe_inputs.psiphon_config)


@get(
    "/api/v1/test-list/tor-targets",
    sync_to_thread=True,
    tags=["probes"],
    operation_class=documented(parameter("country_code", "Country of the probe.")),
)
def tor_targets(request: AnyRequest, probe_login: Login, probe_inputs: Inputs) -> Response[bytes]:
    """Return Tor relays and bridges to a probe that logged in; a country may have a list of its own."""
    probe_login.check(request.headers.get("authorization"))
    return _document(probe_inputs.tor_targets, Query.of(request).text("country_code").upper())


@get("/api/v2/ooniprobe/vpn-config/{provider:str}", sync_to_thread=True, tags=["probes"])
def vpn_config(provider: FromPath[str], vpn_configs: Vpn) -> Response[bytes]:
    """Return OpenVPN credentials and some endpoints of a provider, such as `riseupvpn`."""
    return json_answer(vpn_configs.config(provider))


def _document(document: InputDocument, country_code: str = "") -> Response[bytes]:
    content = document.content(country_code if _CC.fullmatch(country_code) else "")
    return bytes_answer(content, "application/json", cache=NO_CACHE)


handlers = [register, login, psiphon_config, tor_targets, vpn_config]

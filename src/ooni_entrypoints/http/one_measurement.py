"""Fetching one measurement: what is known about it, and its body."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, SkipValidation

from ooni_core.catalog import parsing
from ooni_core.catalog.model import CatalogEntry
from ooni_core.catalog.ports import BodyFinder
from ooni_core.catalog.service import CatalogService
from ooni_core.errors import Invalid
from ooni_core.ports import Clock
from ooni_entrypoints.http import parameters as known
from ooni_entrypoints.http.conditional import tagged, tagged_json
from ooni_entrypoints.http.measurements import verification
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import NO_STORE, json_answer

AnyRequest = Request[Any, Any, Any]
Catalog = NamedDependency[SkipValidation[CatalogService]]
Bodies = NamedDependency[SkipValidation[BodyFinder]]
Time = NamedDependency[SkipValidation[Clock]]
UidText = Annotated[str, PathParameter(description="Unique name of the measurement.")]

ERROR = ResponseSpec(dict[str, str], description="`error` says what is wrong.")
REFUSALS = {400: ERROR, 503: ERROR, 504: ERROR}
_DUPLICATES = "X-OONI-Duplicates"
_UPLOAD_INTERVAL = timedelta(hours=2)


@get(
    "/api/v1/measurement_meta",
    sync_to_thread=True,
    tags=["measurements"],
    operation_class=documented(
        known.MEASUREMENT_UID,
        known.REPORT_ID,
        known.INPUT,
        parameter("full", "`true`: add the body, as text, in `raw_measurement`."),
    ),
    responses=REFUSALS,
)
def measurement_meta(request: AnyRequest, catalog: Catalog, archive: Bodies) -> Response[bytes]:
    """Return what is known about one measurement.

    It is named by `measurement_uid`, or by `report_id` and, for nettests that have one, `input`. A report may hold
    several measurements of one input: then the newest is meant, and `duplicates` says how many there are. When there
    is no such measurement the answer is an empty object (with `raw_measurement: ""` if `full` was asked for).
    """
    query = Query.of(request)
    full = query.is_true("full", "1", "yes")
    entry = _found(query, catalog, parsing.input)
    if entry is None:
        return json_answer({"raw_measurement": ""} if full else {}, cache=NO_STORE)
    # A lookup without an input never looks at the test lists, and says so with null.
    category = None if not (query.text("measurement_uid") or query.text("input")) else entry.category_code
    content = {
        "anomaly": entry.anomaly,
        "category_code": category,
        "confirmed": entry.confirmed,
        "failure": entry.failure,
        "input": entry.input,
        "measurement_start_time": entry.measurement_start_time,
        "measurement_uid": entry.measurement_uid,
        "probe_asn": entry.probe_asn,
        "probe_cc": entry.probe_cc,
        "report_id": entry.report_id,
        "scores": entry.scores,
        "test_name": entry.test_name,
        "test_start_time": entry.test_start_time,
        **verification(entry),
    }
    if (namesakes := _namesakes(query, catalog, entry)) > 1:
        content["duplicates"] = namesakes
    if not full:
        return tagged_json(request, content, "max-age=60")
    body = archive.find(entry.measurement_uid, entry.report_id, entry.input)
    # The text of its line in the published file, which ends in a newline.
    content["raw_measurement"] = body.decode("utf-8", "replace").rstrip("\n") + "\n" if body else ""
    return tagged_json(request, content, "max-age=60" if body else NO_STORE)


@get(
    "/api/v1/raw_measurement",
    sync_to_thread=True,
    tags=["measurements"],
    operation_class=documented(known.MEASUREMENT_UID, known.REPORT_ID, known.INPUT),
    responses={**REFUSALS, 404: ERROR},
)
def raw_measurement(request: AnyRequest, catalog: Catalog, archive: Bodies, clock: Time) -> Response[bytes]:
    """Return one measurement exactly as its probe submitted it.

    It is named as for `measurement_meta`; the header `X-OONI-Duplicates` says how many measurements have that report
    and input, when there are several. The answer is `{}` when nothing is known about it, and 404 when its body is
    nowhere: not yet, if it is younger than an hour or so.
    """
    query = Query.of(request)
    entry = _found(query, catalog, lambda text: parsing.at_least(text, 3))
    if entry is not None:
        body = archive.find(entry.measurement_uid, entry.report_id, entry.input)
        namesakes = _namesakes(query, catalog, entry)
        headers = {_DUPLICATES: str(namesakes)} if namesakes > 1 else {}
        return _verbatim(request, body, headers) if body else _body_missing(entry, clock)
    body = _unscored(query.text("measurement_uid"), catalog, archive)
    return _verbatim(request, body) if body else json_answer({}, cache=NO_STORE)


def _refuse(_: AnyRequest, error: Invalid) -> Response[bytes]:
    return json_answer({"error": str(error)}, 400)


@get(
    "/api/v1/measurement/{measurement_uid:str}",
    sync_to_thread=True,
    tags=["measurements"],
    operation_class=documented(known.DOWNLOAD),
    responses=REFUSALS,
    exception_handlers={Invalid: _refuse},
)
def measurement_body(
    request: AnyRequest, measurement_uid: UidText, catalog: Catalog, archive: Bodies
) -> Response[bytes]:
    """Return one measurement exactly as its probe submitted it, wherever it is now."""
    body = _body_of(measurement_uid, catalog, archive)
    if body is None:
        raise Invalid("Incorrect or inexistent measurement_uid")
    headers = {}
    if Query.of(request).is_true("download"):
        headers["Content-Disposition"] = f"attachment; filename=ooni_measurement-{measurement_uid}.json"
    return tagged(request, body, "application/json", "max-age=3600", headers=headers)


def _body_of(measurement_uid: str, catalog: CatalogService, archive: BodyFinder) -> bytes | None:
    try:
        uid = parsing.measurement_uid(measurement_uid)
    except Invalid as exc:
        raise Invalid("Incorrect or inexistent measurement_uid") from exc
    entry = catalog.find(uid)
    if entry is None:
        return _unscored(uid, catalog, archive)
    return archive.find(entry.measurement_uid, entry.report_id, entry.input)


def _unscored(measurement_uid: str, catalog: CatalogService, archive: BodyFinder) -> bytes | None:
    """Look for the body of a measurement that has no row yet: it is readable from the moment it is accepted."""
    if not measurement_uid or catalog.withholds(measurement_uid):
        return None
    return archive.find(measurement_uid)


def _found(query: Query, catalog: CatalogService, read_input: Callable[[str], str]) -> CatalogEntry | None:
    """Look a measurement up by its uid, or by report and input when no usable uid is given."""
    uid = query.text("measurement_uid")
    if uid and (not query.text("report_id") or _is_uid(uid)):
        return catalog.find(parsing.measurement_uid(uid))
    report_id = query.read("report_id", parsing.report_id)
    if report_id is None:
        raise Invalid("Invalid report_id", "give measurement_uid, or report_id and input")
    return catalog.find_in_report(report_id, query.read("input", read_input) or "")


def _is_uid(text: str) -> bool:
    try:
        parsing.measurement_uid(text)
    except Invalid:
        return False
    return True


def _namesakes(query: Query, catalog: CatalogService, entry: CatalogEntry) -> int:
    """Return how many measurements the request may mean."""
    by_uid = query.text("measurement_uid") == entry.measurement_uid
    return 1 if by_uid else catalog.count_in_report(entry.report_id, entry.input)


def _verbatim(request: AnyRequest, body: bytes, headers: dict[str, str] | None = None) -> Response[bytes]:
    return tagged(request, body, "application/json", "max-age=86400", headers=headers)


def _body_missing(entry: CatalogEntry, clock: Clock) -> Response[bytes]:
    """Say that a known measurement has no body here; when it is young, that asking again is worth it."""
    age = clock.now().replace(tzinfo=None) - entry.measurement_start_time
    headers = {"Retry-After": "300"} if age < _UPLOAD_INTERVAL else {}
    return json_answer({"error": "Measurement not found", "code": "not_found"}, 404, NO_STORE, headers)


handlers = [measurement_meta, raw_measurement, measurement_body]

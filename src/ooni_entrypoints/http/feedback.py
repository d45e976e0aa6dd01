"""What people say that a measurement shows."""

from typing import Any

import anyio
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.sessions import SessionGuard
from ooni_core.feedback.service import FeedbackService
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.http.web_bodies import text_of
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Said = NamedDependency[SkipValidation[FeedbackService]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]


@get("/api/_/measurement_feedback/{measurement_uid:str}", tags=["feedback"])
async def get_msmt_feedback(
    request: AnyRequest, measurement_uid: FromPath[str], feedback: Said, session_guard: Guard
) -> Response[bytes]:
    """Say how many people think what about a measurement, and what the caller thinks when they are logged in."""
    authorization = request.headers.get("authorization")

    def read() -> dict[str, Any]:
        found = feedback.summary(measurement_uid, session_guard.session(authorization))
        own = {} if found.own is None else {"user_feedback": found.own}
        return {"summary": found.votes, **own}

    # What one person is told must not be shown to the next one; a shared cache asks again for everybody.
    cache = "max-age=0" if authorization is None else "max-age=0, no-cache, private"
    return json_answer(await anyio.to_thread.run_sync(read), cache=cache, headers={"Vary": "Authorization"})


@post("/api/_/measurement_feedback", status_code=200, tags=["feedback"], opt=OUR_PAGES_ONLY)
async def submit_msmt_feedback(
    request: AnyRequest, feedback: Said, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Say what `measurement_uid` shows: `status` is one of fifteen words. What was said before is replaced."""
    session = await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"))
    fields = await json_object(request, service_settings, refusal="Invalid request")
    status, uid = text_of(fields, "status"), text_of(fields, "measurement_uid")
    await anyio.to_thread.run_sync(feedback.submit, session, status, uid)
    return json_answer({})


@delete("/api/_/measurement_feedback/{measurement_uid:str}", status_code=200, tags=["feedback"], opt=OUR_PAGES_ONLY)
async def withdraw_msmt_feedback(
    request: AnyRequest, measurement_uid: FromPath[str], feedback: Said, session_guard: Guard
) -> Response[bytes]:
    """Take back what the caller said about a measurement."""

    def withdraw() -> None:
        feedback.withdraw(session_guard.require(request.headers.get("authorization")), measurement_uid)

    await anyio.to_thread.run_sync(withdraw)
    return json_answer({})


handlers = [get_msmt_feedback, submit_msmt_feedback, withdraw_msmt_feedback]

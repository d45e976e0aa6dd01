"""The HTTP side of the scoring daemon: ``POST /<measurement_uid>``, as the historical fastpath, and its health."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import anyio
import attrs
from litestar import HttpMethod, Litestar, Request, Response, get, post, route
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.types import ASGIApp

from ooni_core.errors import Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring import FingerprintSet
from ooni_core.scoring.service import ScoringSummary
from ooni_entrypoints.http.errors import exception_handlers
from ooni_entrypoints.http.responses import NO_STORE, json_answer

AnyRequest = Request[Any, Any, Any]

_PUTS_AT_ONCE = 64
_LOOK_SECONDS = 0.02


class WaitingLine(Protocol):
    """Where measurements wait for their verdict; the ScoringWorker."""

    def offer(self, uid: MeasurementUid) -> None:
        """Take note of *uid* and return at once."""

    def depth(self) -> int:
        """Return how many wait."""

    def done(self) -> tuple[ScoringSummary, datetime | None]:
        """Return what became of all so far, and when the last batch was dealt with."""


@attrs.define(eq=False)
class Entrance:
    """Takes measurements in while there is room. What it took is on disk.

    Attributes:
        spool: keeps them until they have their verdict.
        size: most that wait.
        seconds: longest time that a sender waits for a place.
    """

    spool: MeasurementSpool
    line: WaitingLine
    size: int
    seconds: float
    _entering: int = attrs.field(default=0, init=False)
    _puts: anyio.CapacityLimiter | None = attrs.field(default=None, init=False)

    async def take(self, uid: MeasurementUid, body: bytes) -> None:
        """Take *body* in. On return it survives a power cut, and waits for its verdict.

        Raises:
            Conflict: another body waits under this uid.
            Unavailable: there was no room for too long, or the disk failed; the sender sends it again.
        """
        self._puts = self._puts or anyio.CapacityLimiter(_PUTS_AT_ONCE)  # belongs to the event loop it is made in
        await self._place()
        self._entering += 1
        try:
            await anyio.to_thread.run_sync(self._keep, uid, body, limiter=self._puts)
        finally:
            self._entering -= 1

    async def _place(self) -> None:
        # All of this runs in one event loop, so between the last look and `_entering` nobody else can slip in.
        deadline = time.monotonic() + self.seconds
        while self.line.depth() + self._entering >= self.size:
            if time.monotonic() >= deadline:
                raise Unavailable(f"{self.size} measurements wait for scoring already")
            await asyncio.sleep(_LOOK_SECONDS)

    def _keep(self, uid: MeasurementUid, body: bytes) -> None:
        self.spool.put(uid, body)
        self.line.offer(uid)


@attrs.frozen
class DaemonHealth:
    """What the daemon says about itself.

    Attributes:
        warnings: why measurements wait, if they do.
        workers: numbers of the worker processes.
        fingerprints: those that they use.
    """

    entrance: Entrance
    warnings: Callable[[], Sequence[str]]
    workers: Callable[[], Sequence[int | None]]
    fingerprints: Callable[[], FingerprintSet]

    def report(self) -> Mapping[str, Any]:
        """Return the figures of this moment."""
        summary, last = self.entrance.line.done()
        depth, known = self.entrance.line.depth(), self.fingerprints()
        return {
            "status": "full" if depth >= self.entrance.size else "ok",
            "warnings": self.warnings(),
            "queue_depth": depth,
            "queue_size": self.entrance.size,
            "last_insert": last,
            "done": {name: getattr(summary, name) for name in ("stored", "discarded", "quarantined")},
            "workers": self.workers(),
            "fingerprints": {"count": len(known), "sha256": known.sha256},
        }


GivenEntrance = NamedDependency[SkipValidation[Entrance]]
GivenHealth = NamedDependency[SkipValidation[DaemonHealth]]


@post(["/", "/{path:path}"], status_code=200)
async def take_measurement(request: AnyRequest, entrance: GivenEntrance) -> Response[bytes]:
    """Take the measurement whose uid is the path; the body is that of the probe, decompressed."""
    uid = MeasurementUid(request.scope["path"].removeprefix("/"))
    await entrance.take(uid, await request.body())
    return Response(b"", media_type="text/plain")


@get("/health")
async def daemon_health(daemon_health_report: GivenHealth) -> Response[bytes]:
    """Say how many wait, how many were scored and when the last ones."""
    return json_answer(daemon_health_report.report(), cache=NO_STORE)


@route(
    ["/", "/{path:path}"],
    http_method=[HttpMethod.GET, HttpMethod.HEAD, HttpMethod.PUT, HttpMethod.DELETE, HttpMethod.PATCH],
    status_code=200,
)
async def alive(request: AnyRequest) -> Response[bytes]:
    """Answer anything else with nothing, as health checks of old expect."""
    return Response(b"", media_type="text/plain")


def create_daemon_app(entrance: Entrance, health: DaemonHealth, max_body_bytes: int) -> ASGIApp:
    """Build the application of the scoring daemon."""
    return Litestar(
        route_handlers=[take_measurement, daemon_health, alive],
        dependencies={
            "entrance": Provide(lambda: entrance, sync_to_thread=False, use_cache=True),
            "daemon_health_report": Provide(lambda: health, sync_to_thread=False, use_cache=True),
        },
        exception_handlers=exception_handlers,
        request_max_body_size=max_body_bytes,
        openapi_config=None,
        logging_config=None,
    )

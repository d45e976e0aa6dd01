"""The HTTP application: which handlers there are, what they are given, and what wraps all of them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import anyio
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp

from ooni_entrypoints.http.compression import COMPRESSION, EncodingMiddleware
from ooni_entrypoints.http.cors import CorsMiddleware, closed_routes
from ooni_entrypoints.http.disconnects import DisconnectMiddleware
from ooni_entrypoints.http.errors import exception_handlers
from ooni_entrypoints.http.head import HeadMiddleware
from ooni_entrypoints.http.metrics import Figures, MetricsMiddleware

# Waiting for the disk must not take the threads that readers use, nor the other way round.
_INTAKE_THREADS = 64
# Mail servers may be slow: what is too much for these threads waits without one.
_MAIL_THREADS = 8


def create_app(
    handlers: Sequence[Any],
    use_cases: Mapping[str, Any],
    version: str,
    max_body_bytes: int,
    figures: Figures | None = None,
    on_start: Sequence[Callable[[], None]] = (),
    on_stop: Sequence[Callable[[], None]] = (),
    cancellable: Callable[[], AbstractContextManager[Callable[[], None]]] | None = None,
) -> ASGIApp:
    """Build the application.

    Args:
        handlers: the route handlers of all areas.
        use_cases: what handlers are given, by parameter name.
        version: version of this installation, for the API description.
        max_body_bytes: longest request body on the wire.
        figures: what times requests; None keeps no figures.
        on_start: called once before the first request.
        on_stop: called once after the last.
        cancellable: a block around the answer to a read; yields what cancels its queries. None lets them run.
    """
    litestar = Litestar(
        route_handlers=list(handlers),
        dependencies={name: _given(use_case) for name, use_case in use_cases.items()},
        exception_handlers=exception_handlers,
        middleware=[DefineMiddleware(MetricsMiddleware, figures=figures)] if figures else [],
        request_max_body_size=max_body_bytes,
        compression_config=COMPRESSION,
        openapi_config=OpenAPIConfig(
            title="OONI API",
            version=version,
            description="Instructs OONI probes, receives their measurements and answers questions about them.",
            render_plugins=[],
            use_handler_docstrings=True,
        ),
        state=State({"intake_limiter": None, "mail_limiter": None}),
        on_startup=[_limiters, *on_start],
        on_shutdown=list(on_stop),
        logging_config=None,
    )
    app = DisconnectMiddleware(litestar, cancellable) if cancellable else litestar
    return CorsMiddleware(EncodingMiddleware(HeadMiddleware(app)), closed_routes(litestar.routes))


async def _limiters(app: Litestar) -> None:
    # A limiter belongs to the event loop it is made in.
    app.state.intake_limiter = anyio.CapacityLimiter(_INTAKE_THREADS)
    app.state.mail_limiter = anyio.CapacityLimiter(_MAIL_THREADS)


def _given(use_case: Any) -> Provide:
    def provide() -> Any:
        return use_case

    return Provide(provide, sync_to_thread=False, use_cache=True)

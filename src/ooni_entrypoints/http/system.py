"""Pages about the service itself: health, version, API description."""

import html
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_entrypoints.http.description import description
from ooni_entrypoints.http.responses import NO_CACHE, bytes_answer, json_answer
from ooni_entrypoints.readiness import Readiness

AnyRequest = Request[Any, Any, Any]
Ready = NamedDependency[SkipValidation[Readiness]]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h2{border-bottom:1px solid #ccc;padding-top:1rem}code{background:#f3f4f5;padding:.1rem .3rem;border-radius:3px}"
    "td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}summary{cursor:pointer;padding:.3rem 0}"
    ".m{display:inline-block;min-width:4rem;font-weight:600}"
)


_LANDING = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>OONI API</title>'
    f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>OONI API</h1>'
    "<p>This service instructs OONI probes, receives their measurements of internet censorship, scores and publishes "
    'them, and answers questions about them.</p><ul><li><a href="/apidocs/">All routes of this API</a></li>'
    '<li><a href="/api/v1/measurements">The newest measurements</a></li>'
    '<li><a href="/openapi.json">Machine-readable description</a></li></ul></body></html>'
)


@get("/", include_in_schema=False)
async def landing_page() -> Response[bytes]:
    """Say to a person what this is."""
    return bytes_answer(_LANDING.encode(), "text/html; charset=utf-8", cache="max-age=300")


@get("/health", media_type="text/html", tags=["service"])
async def health(request: AnyRequest, readiness: Ready) -> Response[bytes]:
    """Say that the process answers: `UP`. It never touches the database.

    With `Accept: application/json` the answer is that of `/health/ready`.
    """
    if "application/json" in request.headers.get("accept", ""):
        return _readiness(readiness)
    return bytes_answer(b"UP", "text/html; charset=utf-8")


@get("/health/ready", tags=["service"], sync_to_thread=True)
def health_ready(readiness: Ready) -> Response[bytes]:
    """Say whether everything that the service needs answers too; 503 when something does not."""
    return _readiness(readiness)


@get("/version", tags=["service"])
async def version(readiness: Ready) -> Response[bytes]:
    """Say which version this is."""
    return json_answer({"version": readiness.version, "build_label": readiness.version, "package_name": "ooni-backend"})


@get(["/apispec_1.json", "/openapi.json"], include_in_schema=False, sync_to_thread=False)
def api_description(request: AnyRequest) -> Response[bytes]:
    """Return the OpenAPI description of this API."""
    return json_answer(description(request.app), cache="max-age=300")


@get(["/apidocs", "/apidocs/"], include_in_schema=False, sync_to_thread=False)
def api_page(request: AnyRequest) -> Response[bytes]:
    """Show the API description to a person. The page needs nothing from anywhere else."""
    page = _page(description(request.app))
    return bytes_answer(page.encode(), "text/html; charset=utf-8", cache="max-age=300")


def _readiness(readiness: Readiness) -> Response[bytes]:
    errors = readiness.errors()
    content = {
        "status": "fail" if errors else "ok",
        "errors": errors,
        "warnings": readiness.warnings(),
        "version": readiness.version,
        "build_label": readiness.version,
    }
    return json_answer(content, 503 if errors else 200, NO_CACHE)


def _page(described: dict[str, Any]) -> str:
    sections: dict[str, list[str]] = {}
    for path, methods in sorted(described["paths"].items()):
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            sections.setdefault(tag, []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(items)}" for tag, items in sorted(sections.items()))
    title = html.escape(described["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{html.escape(described['info'].get('description', ''))} "
        'Machine-readable: <a href="/openapi.json">OpenAPI</a>.</p>'
        f"{body}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    text = html.escape(operation.get("description") or operation.get("summary") or "")
    rows = "".join(
        f"<tr><td><code>{html.escape(each['name'])}</code></td><td>{html.escape(each['in'])}</td>"
        f"<td>{html.escape(each.get('description') or '')}</td></tr>"
        for each in operation.get("parameters", [])
    )
    table = f"<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>{rows}</table>" if rows else ""
    return (
        f'<details><summary><span class="m">{method.upper()}</span> <code>{html.escape(path)}</code></summary>'
        f"<p>{text}</p>{table}</details>"
    )


handlers = [landing_page, health, health_ready, version, api_description, api_page]

"""The OpenAPI description of this API, with what the framework cannot know about answers."""

from typing import Any

from litestar import Litestar

_JSON = "application/json"
_ERROR = {
    "description": "Refused or failed: `error` says what was wrong.",
    "content": {
        _JSON: {
            "schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        }
    },
}
# What else the parameter `format` and the header Accept can ask for.
_OTHER_FORMS = {
    "CSV": "text/csv",
    "JSONL": "application/jsonl",
    "Parquet": "application/vnd.apache.parquet",
    "Arrow": "application/vnd.apache.arrow.stream",
}
# Answers are written by hand, as bytes; that is no reason to call them text.
_BYTES = {"type": "string"}


def description(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of *app*: every route, its parameters, its answers and its errors."""
    described = app.openapi_schema.to_schema()
    for operations in described["paths"].values():
        for operation in operations.values():
            responses = {code: found for code, found in operation["responses"].items() if not _is_framework_s(found)}
            for found in responses.values():
                answer = found.get("content", {}).get(_JSON)
                if answer is not None and answer.get("schema", {}) in ({}, _BYTES):
                    answer["schema"] = {}
                    found["content"].update((media, {}) for media in _forms(operation))
            operation["responses"] = {**responses, "default": _ERROR}
    return described


def _forms(operation: dict[str, Any]) -> list[str]:
    offered = [each["schema"].get("enum", ()) for each in operation.get("parameters", ()) if each["name"] == "format"]
    return [_OTHER_FORMS[name] for names in offered for name in names if name in _OTHER_FORMS]


def _is_framework_s(response: dict[str, Any]) -> bool:
    """Recognise the framework's own error format, in which no answer of ours is written."""
    schema = response.get("content", {}).get(_JSON, {}).get("schema", {})
    return "status_code" in schema.get("properties", {})

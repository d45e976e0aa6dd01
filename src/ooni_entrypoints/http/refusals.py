"""How refused changes are answered: a code that web pages translate, beside the English text."""

from typing import Any

from litestar import Request, Response

from ooni_core.testlists.refusals import Refused
from ooni_entrypoints.http.responses import json_answer

_STATUS = {"err_rule_not_found": 404}


def answer_refusal(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """Render a refusal: ``err_str`` is for machines, ``error`` for people, ``err_args`` for translations."""
    content: dict[str, Any] = {"err_str": error.err_str, "error": str(error)}
    if error.err_args:
        content["err_args"] = error.err_args
    return json_answer(content, _STATUS.get(error.err_str, 400), "no-cache")


def answer_refusal_described(request: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """Render a refusal for the test list editor, whose newer versions read ``description``."""
    content: dict[str, Any] = {"err_str": error.err_str, "error": str(error), "description": str(error)}
    if error.err_args:
        content["err_args"] = error.err_args
    return json_answer(content, answer_refusal(request, error).status_code or 400, "no-cache")

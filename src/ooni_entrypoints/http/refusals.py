"""How refused changes are answered: a code that web pages translate, beside the English text."""

import logging
from typing import Any

from litestar import Request, Response

from ooni_core.errors import Conflict, Invalid, Unavailable
from ooni_core.refusals import Refused
from ooni_entrypoints.http.responses import json_answer

_log = logging.getLogger(__name__)

_STATUS = {"err_rule_not_found": 404}


def answer_refusal(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """Render a refusal: ``err_str`` is for machines, ``error`` for people, ``err_args`` for translations."""
    return _answer(error, {})


def answer_bad_request(_: Request[Any, Any, Any], error: Invalid) -> Response[bytes]:
    """Render a body that cannot be read as the refusal that it is; what was wrong with it is its reason."""
    return _answer(Refused("err_request_params", {"reason": error.detail or str(error)}), {})


def answer_refusal_described(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """Render a refusal for the test list editor, whose newer versions read ``description``."""
    if isinstance(error.__cause__, Unavailable | Conflict):
        # The editor is told to try again; what is wrong with the forge is for whoever runs the service.
        _log.warning("%s: %s", error, error.__cause__)
    return _answer(error, {"description": str(error)})


def _answer(error: Refused, more: dict[str, Any]) -> Response[bytes]:
    content: dict[str, Any] = {"err_str": error.err_str, "error": str(error), **more}
    if error.err_args:
        content["err_args"] = error.err_args
    return json_answer(content, _STATUS.get(error.err_str, 400), "no-cache")

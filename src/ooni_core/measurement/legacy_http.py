"""Test keys of the legacy HTTP nettests."""

from typing import Any

from ooni_core.measurement.legacy_text import MAX_HEADER, Unsupported, clean


def normalise_http(entry: dict[str, Any]) -> None:
    """Bring requests, headers and bodies into today's form: direct requests and those through Tor take turns.

    Raises:
        Unsupported: the requests have another shape, or a header is damaged.
    """
    if entry["input"] is None:
        entry["input"] = _url_option(entry["options"])
    keys = entry["test_keys"]
    requests = keys.get("requests") or []
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise Unsupported("requests is no list of objects")
    if "request" in keys and "response" in keys:
        requests = [*requests, {"request": keys.pop("request"), "response": keys.pop("response")}]
    direct: list[dict[str, Any]] = []
    control: list[dict[str, Any]] = []
    for one in map(_exchange, requests):
        (control if one["request"]["tor"]["is_tor"] else direct).append(one)
    keys["requests"] = direct[:1] + control[:1] + direct[1:] + control[1:]
    if "headers_diff" in keys:
        keys["headers_diff"] = list(keys["headers_diff"] or ())


def _url_option(options: Any) -> Any:
    """Return what follows ``-u``, else what follows ``--url``, in the command line of the nettest."""
    if isinstance(options, list):
        for flag in ("-u", "--url"):
            if flag in options[:-1]:
                return options[options.index(flag) + 1]
    return None


def _exchange(one: dict[str, Any]) -> dict[str, Any]:
    request, response = _message(one.get("request")), _message(one.get("response"))
    request["tor"] = _tor(request)
    url = request.get("url")
    if isinstance(url, str) and url.startswith("shttp://"):
        request["url"] = url[1:]
    lengths = [value for name, value in response["headers"].items() if name.lower() == "content-length"]
    return {
        **one,
        "request": request,
        "response": response,
        "response_length": lengths[-1] if lengths else None,
    }


def _message(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"body": None, "headers": {}}
    return {**value, "body": clean(value.get("body")), "headers": _headers(value.get("headers"))}


def _headers(value: Any) -> dict[str, Any]:
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, list) else ()
    headers: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Unsupported("a header is no name with its values")
        text = clean(_first(pair[1]))
        if isinstance(text, str) and len(text) >= MAX_HEADER:
            raise Unsupported(f"a header has {MAX_HEADER} characters or more")
        headers[str(clean(pair[0]))] = text
    return headers


def _first(value: Any) -> Any:
    """Return the first of several values; they were sometimes wrapped twice."""
    for _ in range(2):
        if isinstance(value, list):
            value = value[0] if value else None
    return value


def _tor(request: dict[str, Any]) -> dict[str, Any]:
    tor, url = request.get("tor"), request.get("url")
    known = tor if isinstance(tor, dict) else {}
    through_tor = tor is True or known.get("is_tor") is True or (isinstance(url, str) and url.startswith("shttp"))
    return {"is_tor": through_tor, "exit_ip": known.get("exit_ip"), "exit_name": known.get("exit_name")}

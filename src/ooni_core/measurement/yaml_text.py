"""Reading YAML that anybody may have written: the safe types only, bounded nesting, bounded aliases."""

from typing import Any

import yaml

MAX_DEPTH = 100
MAX_NODES = 2_000_000
"""How many values a document may hold when each alias is counted as often as it is used."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadYaml(Exception):
    """This text is not YAML, or none that a probe would write."""


def load_yaml(text: str | bytes) -> Any:
    """Parse one YAML document.

    Raises:
        BadYaml: it is not one; it holds types that data has no use for, deep nesting or masses of aliases.
    """
    try:
        _check_shape(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506  both loaders are the safe ones
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, OverflowError) as exc:
        # Safe constructors let these through for impossible dates, numbers, base64 and keys.
        raise BadYaml(f"not YAML: {' '.join(str(exc).split())[:200]}") from exc


def as_json(value: Any) -> Any:
    """Return *value* with types that JSON has: times and keys as text, binary as text with escapes, sets as lists.

    NaN and infinities stay.
    """
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(as_json(key)): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, set):
        return sorted(str(as_json(inner)) for inner in value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _check_shape(text: str | bytes) -> None:
    """Walk the events without building anything.

    The builder recurses in C, where no limit holds it, and shares what aliases repeat, so that a few lines can stand
    for billions of values, or for a value that contains itself.
    """
    sizes: dict[str, int] = {}
    open_values: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise BadYaml("an alias of something that is not complete")
            count += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_values.append((event.anchor, count))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_values.pop()
            count += 1
            if anchor:
                sizes[anchor] = count - before
        if count > MAX_NODES or len(open_values) > MAX_DEPTH:
            raise BadYaml(f"more than {MAX_NODES} values, or nested more than {MAX_DEPTH} levels deep")

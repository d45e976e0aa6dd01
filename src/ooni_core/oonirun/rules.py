"""What a descriptor must be like, and which change of it makes a new version."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ooni_core.errors import Invalid
from ooni_core.oonirun.checking import is_deep
from ooni_core.oonirun.model import LinkVersion
from ooni_core.refusals import Refused

MOST_NETTESTS = 100
MOST_INPUTS = 10_000
MOST_TARGETS = 10
"""Nettests of a link that get inputs when it is run: some thousands each, and an answer must stay below 16 MiB."""
MOST_BYTES = 2**20
"""Of what a request about a link holds once it is decompressed."""
MOST_LEVELS = 32
"""Objects and lists in each other: answers with hundreds cannot be written."""
_TEST_NAME = re.compile(r"[a-z0-9_@.]{1,100}")
_LONGEST = {"name": 50, "author": 100, "short_description": 200, "description": 2**18, "icon": 2**16}
"""Texts of a descriptor -> most characters."""
_TRANSLATED = ("name_intl", "short_description_intl", "description_intl")
_IDENTITY = ("nettests", "author", "icon")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z", re.ASCII)
_TIME_EXPECTED = "creation_time is written YYYY-MM-DDTHH:MM:SS.fffZ, as answers have it"


def check_descriptor(descriptor: Mapping[str, Any]) -> None:
    """Make sure that a descriptor can be shown and run. Keys that are not known are nobody's business.

    Raises:
        Invalid: it has no name.
        Refused: a translation is empty, or another value cannot be right; ``err_args`` says which and why.
    """
    if not descriptor.get("name"):
        raise Invalid("'name' field must not be empty")
    if is_deep(descriptor, MOST_LEVELS):
        raise _refused("descriptor", f"expected at most {MOST_LEVELS} levels of objects and lists")
    for key in _TRANSLATED:
        _check_translations(key, descriptor.get(key))
    for key, longest in _LONGEST.items():
        text = descriptor.get(key, "")
        if not isinstance(text, str) or len(text) > longest:
            raise _refused(key, f"expected a text of at most {longest} characters")
    if "author" not in descriptor:
        raise _refused("author", "it is missing")
    for number, reason in _problems(descriptor.get("nettests", [])):
        raise _refused(f"nettests[{number}]" if number is not None else "nettests", reason)


def _check_translations(key: str, texts: Any) -> None:
    if texts is None:
        return
    if not isinstance(texts, Mapping) or not all(isinstance(text, str) for text in texts.values()):
        raise _refused(key, "expected an object: language to text")
    if "" in texts.values():
        raise Refused("err_empty_translation_field")


def _problems(nettests: Any) -> Iterator[tuple[int | None, str]]:
    if not isinstance(nettests, list) or len(nettests) > MOST_NETTESTS:
        yield None, f"expected a list of at most {MOST_NETTESTS}"
        return
    total = 0
    for number, nettest in enumerate(nettests):
        if not isinstance(nettest, Mapping) or not _is_test_name(nettest.get("test_name")):
            yield number, "expected an object whose test_name is in small letters, digits and _@."
            return
        inputs, options = nettest.get("inputs"), nettest.get("options")
        if inputs is not None and not (isinstance(inputs, list) and all(isinstance(each, str) for each in inputs)):
            yield number, "inputs is a list of texts"
        if options is not None and not isinstance(options, Mapping):
            yield number, "options is an object"
        total += len(inputs or [])
    if total > MOST_INPUTS:
        yield None, f"expected at most {MOST_INPUTS} inputs"
    if sum(nettest.get("targets_name") is not None for nettest in nettests) > MOST_TARGETS:
        yield None, f"expected at most {MOST_TARGETS} with a targets_name"


def _is_test_name(name: Any) -> bool:
    return isinstance(name, str) and _TEST_NAME.fullmatch(name) is not None


def _refused(field: str, reason: str) -> Refused:
    return Refused("err_request_params", {"field": field, "reason": reason})


def is_translation(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether *new* measures the same as *old*, by the same author: then it is the same version in other words."""
    return all(old.get(key) == new.get(key) for key in _IDENTITY)


def truncated(instant: datetime) -> datetime:
    """Return *instant* in UTC, cut to the millisecond."""
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def next_instant(now: datetime, known: LinkVersion) -> datetime:
    """Return the time of a change: now, and in any case later than anything about *known*, to the millisecond."""
    return max(truncated(now), max(known.order) + timedelta(milliseconds=1))


def read_creation_time(text: str) -> datetime:
    """Read the time of a version, of whose fraction three digits count.

    Raises:
        Invalid: it is not written ``YYYY-MM-DDTHH:MM:SS.fffZ``.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise Invalid(_TIME_EXPECTED)
    milliseconds = int((found[2] or "0").ljust(3, "0")[:3])
    try:
        return datetime.fromisoformat(found[1]).replace(microsecond=1000 * milliseconds, tzinfo=UTC)
    except ValueError as exc:
        raise Invalid(_TIME_EXPECTED) from exc

"""What the author of a link writes. Keys that are not known are nobody's business."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ooni_core.oonirun.checking import BadDocument, Path, is_deep, matching, required, text
from ooni_core.oonirun.nettests import KINDS, Nettest, with_full_names
from ooni_core.oonirun.rules import MOST_INPUTS, MOST_LEVELS, MOST_NETTESTS, MOST_TARGETS

_TEXTS = {"name": (2, 50), "short_description": (2, 200), "description": (2, 2**18), "author": (2, 100)}
"""Key -> fewest and most characters."""
_TRANSLATED = ("name_intl", "short_description_intl", "description_intl")
OPTIONAL_WORDS = (*_TRANSLATED, "icon", "color")
"""Keys of what may be left out, or be null."""
_TEST_NAME = (2, 100)
_LONGEST_ICON = 2**16
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LIFE = timedelta(days=180)
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)  # what every engine can store


@attrs.frozen
class WrittenLink:
    """A link as its author writes it.

    Attributes:
        words: everything but the nettests and the end, by key; what was not said has no key.
        nettests: at least one.
        expires: aware (UTC), to the second.
    """

    words: Mapping[str, Any]
    nettests: tuple[Nettest, ...]
    expires: datetime

    @property
    def author(self) -> str:
        """Who says to have written it."""
        return str(self.words["author"])


def read_link(document: Mapping[str, Any], now: datetime) -> WrittenLink:
    """Read a link.

    Args:
        document: its JSON form.
        now: a link for which nothing else is said ends 180 days later.

    Raises:
        BadDocument: a value is missing or cannot be right.
    """
    if is_deep(document, MOST_LEVELS):
        raise BadDocument((), f"expected at most {MOST_LEVELS} levels of objects and lists")
    words: dict[str, Any] = {key: text((key,), required(document, key), *_TEXTS[key]) for key in _TEXTS}
    words |= {key: _translations(key, document[key]) for key in _TRANSLATED if document.get(key) is not None}
    if (icon := document.get("icon")) is not None:
        words["icon"] = text(("icon",), icon, 0, _LONGEST_ICON)
    if (color := document.get("color")) is not None:
        words["color"] = matching("color", color, _COLOR, "# and six hexadecimal digits")[0]
    expires = _instant(document["expiration_date"]) if "expiration_date" in document else now + _LIFE
    return WrittenLink(words, _nettests(required(document, "nettests")), expires.replace(microsecond=0))


def _translations(key: str, texts: Any) -> Mapping[str, str]:
    if not isinstance(texts, dict):
        raise BadDocument((key,), "expected an object: language to text")
    for language, translation in texts.items():
        if not isinstance(translation, str) or len(translation) < 2:
            raise BadDocument((key, language), "expected a text of at least 2 characters")
    return texts


def _instant(value: Any) -> datetime:
    try:
        read = datetime.fromisoformat(value)
        instant = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as exc:
        raise BadDocument(("expiration_date",), "expected a time such as 2027-01-31T12:00:00Z") from exc
    if not _EARLIEST <= instant < _LATEST:
        raise BadDocument(("expiration_date",), "expected a time between 1970 and 2106")
    return instant


def _nettests(value: Any) -> tuple[Nettest, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_NETTESTS:
        raise BadDocument(("nettests",), f"expected a list of 1 to {MOST_NETTESTS}")
    nettests = tuple(_nettest(("nettests", number), each) for number, each in enumerate(value))
    if sum(len(each.inputs or ()) for each in nettests) > MOST_INPUTS:
        raise BadDocument(("nettests",), f"expected at most {MOST_INPUTS} inputs")
    if sum(each.targets_name is not None for each in nettests) > MOST_TARGETS:
        raise BadDocument(("nettests",), f"expected at most {MOST_TARGETS} with a targets_name")
    return nettests


_NULLABLE = {"inputs", "inputs_extra", "targets_name"}
_EXPECTED = {str: "a text", list: "a list", dict: "an object", bool: "true or false"}
_ITEMS = {"inputs": str, "inputs_extra": dict}


def _nettest(path: Path, value: Any) -> Nettest:
    if not isinstance(value, dict):
        raise BadDocument(path, "expected an object")
    named = with_full_names(value)
    text((*path, "test_name"), required(named, "test_name", path), *_TEST_NAME)
    nettest = Nettest(**{key: _part(path, key, named[key]) for key in KINDS if key in named})
    given, extra = nettest.inputs, nettest.inputs_extra
    if nettest.targets_name is not None and (given is not None or extra is not None):
        raise BadDocument((), "When targets_name is provided, you can't provide inputs or inputs_extra")
    if extra is not None and (given is None or len(given) != len(extra)):
        raise BadDocument((), "When inputs_extra is provided, inputs must be provided too, as many as there are of it")
    return nettest


def _part(path: Path, key: str, value: Any) -> Any:
    if value is None and key in _NULLABLE:
        return None
    kind, where = KINDS[key], (*path, key)
    if not isinstance(value, kind):
        raise BadDocument(where, f"expected {_EXPECTED[kind]}{' or null' if key in _NULLABLE else ''}")
    if key in _ITEMS:
        _check_items(where, value, _ITEMS[key])
    return value


def _check_items(path: Path, items: Sequence[Any], kind: type) -> None:
    for position, each in enumerate(items):
        if not isinstance(each, kind):
            raise BadDocument((*path, position), f"expected {_EXPECTED[kind]}")

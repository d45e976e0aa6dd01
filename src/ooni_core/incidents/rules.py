"""How an incident is read from what web pages send, who may see it, and what a search finds."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ooni_core.accounts.model import ADMIN, Session
from ooni_core.errors import Invalid
from ooni_core.incidents.model import Content, Incident
from ooni_core.refusals import Refused

_MOST_ITEMS = 100
_LONGEST_ITEM = 2_000
_LONGEST_LINE = 1_000
_LONGEST_TEXT = 256 * 2**10
_LONGEST_SLUG = 64
_MAX_ASN = 2**32 - 1

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # what every engine can store to the second
_LATEST = datetime(2106, 1, 1, tzinfo=UTC)

_KEYS: Mapping[str, str] = {
    "title": "title",
    "text": "text",
    "short_description": "short_description",
    "reported_by": "reported_by",
    "event_type": "event_type",
    "start_time": "start_time",
    "end_time": "end_time",
    "CCs": "ccs",
    "ASNs": "asns",
    "domains": "domains",
    "tags": "tags",
    "test_names": "test_names",
    "links": "links",
    "themes": "themes",
    "email_address": "email_address",
    "published": "published",
}
"""Key of the JSON form -> field of `Content`."""
_OPTIONAL = {"themes", "email_address", "published"}
# A page may send back what it was shown; these say nothing about the content.
_IGNORED = {"id", "slug", "create_time", "update_time", "creator_account_id", "mine", "v"}


def read_content(document: Mapping[str, Any]) -> Content:
    """Read what the author of an incident wrote, in its JSON form.

    Raises:
        Refused: a key is missing or unknown, or a value cannot be right; ``err_args`` says which and why.
    """
    for key in sorted(set(document) - set(_KEYS) - _IGNORED):
        raise _refused(key, "there is no such key")
    for key in sorted(set(_KEYS) - _OPTIONAL - set(document)):
        raise _refused(key, "it is missing")
    values: dict[str, Any] = {field: _read(key, document[key]) for key, field in _KEYS.items() if key in document}
    for key in ("title", "text"):
        if not values[key].strip():
            raise _refused(key, "it is empty")
    try:
        return Content(**values)
    except Invalid as exc:
        raise _refused("end_time", str(exc)) from exc


def _read(key: str, value: Any) -> Any:
    try:
        return _reader_of(key)(value)
    except ValueError as exc:
        raise _refused(key, str(exc)) from exc


def _refused(field: str, reason: str) -> Refused:
    return Refused("err_request_params", {"field": field, "reason": reason})


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > longest:
        raise ValueError(f"expected a text of at most {longest} bytes")
    return value


def _line(value: Any) -> str:
    return _text(value, _LONGEST_LINE)


def _body(value: Any) -> str:
    return _text(value, _LONGEST_TEXT)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - all readers complain in one way
    return value


def read_time(value: Any) -> datetime:
    """Read an instant, to the second.

    Raises:
        ValueError: it is not written ``YYYY-MM-DDTHH:MM:SSZ``, with or without a fraction, or not between 1970 and
            2106.
    """
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("expected YYYY-MM-DDTHH:MM:SSZ")
    instant = datetime.fromisoformat(value).astimezone(UTC).replace(microsecond=0)
    if not _EARLIEST <= instant < _LATEST:
        raise ValueError("expected a time between 1970 and 2106")
    return instant


def _end(value: Any) -> datetime | None:
    return None if value is None else read_time(value)


def _list_of(item: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > _MOST_ITEMS:
            raise ValueError(f"expected a list of at most {_MOST_ITEMS}")
        return tuple(item(each) for each in value)

    return read


def _item(value: Any) -> str:
    return _text(value, _LONGEST_ITEM)


def _country(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2}", value):
        raise ValueError("expected codes of two capital letters")
    return value


def _network(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_ASN:
        raise ValueError(f"expected numbers from 0 to {_MAX_ASN}")
    return value


def _link(value: Any) -> str:
    link = _item(value)
    # Pages make them clickable: nothing but the web, and nothing that a browser reads differently.
    if not re.match(r"https?://[^/]", link) or any(unicodedata.category(each) == "Cc" for each in link):
        raise ValueError("expected http:// or https:// links")
    return link


def _address(value: Any) -> str:
    return "" if value is None else _line(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "text": _body,
    "email_address": _address,
    "start_time": read_time,
    "end_time": _end,
    "published": _flag,
    "CCs": _list_of(_country),
    "ASNs": _list_of(_network),
    "links": _list_of(_link),
    **dict.fromkeys(("domains", "tags", "test_names", "themes"), _list_of(_item)),
}


def _reader_of(key: str) -> Callable[[Any], Any]:
    return _READERS.get(key, _line)


def slug_of(title: str, year: int, id: str) -> str:
    """Make a readable name: the year and the ASCII letters and digits of the title, 64 characters at most.

    A title without any gives the year and the id. Two titles may give one name: see `numbered`.
    """
    words = re.sub(r"[^0-9a-z-]+", "", title.lower().replace(" ", "-")).strip("-")
    return f"{year}-{words or id}"[:_LONGEST_SLUG].rstrip("-")


def numbered(slug: str, attempt: int) -> str:
    """Return *slug* for the first attempt, then ``-2``, ``-3``, … behind it."""
    tail = f"-{attempt}" if attempt > 1 else ""
    return slug[: _LONGEST_SLUG - len(tail)] + tail


def is_owner(session: Session | None, incident: Incident) -> bool:
    """Say whether *session* belongs to who wrote *incident*."""
    return session is not None and session.account_id == incident.creator_account_id


def is_admin(session: Session | None) -> bool:
    """Say whether *session* is one of staff."""
    return session is not None and session.role == ADMIN


def may_see(session: Session | None, incident: Incident) -> bool:
    """Say who sees an incident: everybody once it is published, before that its author and staff."""
    return incident.content.published or is_owner(session, incident) or is_admin(session)


@attrs.frozen
class Search:
    """What somebody looks for: one of the values of each list that is not empty.

    Attributes:
        only_mine: only what the caller wrote.
        sort: ``title``, ``start_time``, ``end_time``, ``create_time`` or ``update_time``; with ``-`` before it, the
            last one first.
        limit: most incidents to return; None for all.
        offset: how many to leave out.
    """

    only_mine: bool = False
    themes: tuple[str, ...] = ()
    ccs: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    test_names: tuple[str, ...] = ()
    sort: str = attrs.field(default="title")
    limit: int | None = None
    offset: int = 0

    @sort.validator
    def _is_known(self, _: "attrs.Attribute[str]", sort: str) -> None:
        if sort.removeprefix("-") not in _ORDERS:
            raise Invalid(f"sort is one of {', '.join(_ORDERS)}, with - before it for the last one first")

    def matches(self, incident: Incident) -> bool:
        """Say whether *incident* has one of the wanted values of each list."""
        return all(
            not (wanted := getattr(self, name)) or set(wanted) & set(getattr(incident.content, name))
            for name in ("themes", "ccs", "asns", "domains", "tags", "test_names")
        )

    def ordered(self, found: list[Incident]) -> list[Incident]:
        """Put *found* in the wanted order, and cut it to the wanted page."""
        falling = self.sort.startswith("-")
        ordered = sorted(found, key=_ORDERS[self.sort.removeprefix("-")], reverse=falling)
        return ordered[self.offset :][: self.limit]


def _end_of(incident: Incident) -> datetime:
    # What goes on ends after everything else.
    return incident.content.end_time or datetime.max.replace(tzinfo=UTC)


_ORDERS: Mapping[str, Callable[[Incident], Any]] = {
    "title": lambda incident: (incident.content.title.encode(), incident.id),
    "start_time": lambda incident: (incident.content.start_time, incident.id),
    "end_time": lambda incident: (_end_of(incident), incident.id),
    "create_time": lambda incident: (incident.create_time, incident.id),
    "update_time": lambda incident: (incident.update_time, incident.id),
}


def next_version(now: datetime, known: Incident) -> datetime:
    """Return the time of another version: now, and in any case later than the one before, to the millisecond."""
    milliseconds = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return max(milliseconds, known.update_time + timedelta(milliseconds=1))

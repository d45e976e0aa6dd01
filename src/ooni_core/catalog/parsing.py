"""How values of query parameters are written.

Each function turns one text into a value or raises `Invalid` with the text that clients have matched for years.
"""

import ipaddress
import re
from datetime import UTC, datetime, tzinfo

from dateutil import parser, tz

from ooni_core.errors import Invalid

_LONGEST_DATE = 64
_LONGEST_DOMAIN = 300
_MAX_ASN = 2**32 - 1
_HOST = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-_]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-_]{0,61}[A-Za-z]")
_INPUT_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" " :/.[]-_%+(){}=?#&!,$"
)  # fmt: skip
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_LETTERS = re.compile(r"[A-Za-z0-9_]*", re.ASCII)


class Undeclared(Invalid):
    """A value is outside what the API description declares for its parameter."""

    code = "undeclared"


def items(text: str) -> tuple[str, ...]:
    """Split at commas: without empties and repetitions, sorted."""
    return tuple(sorted({item for item in text.split(",") if item}))


def asn(text: str, name: str = "probe_asn") -> int:
    """Read ``AS123`` or ``123``.

    Args:
        text: the value.
        name: of the parameter, for the message.

    Raises:
        Invalid: it is neither, or no 32-bit number.
    """
    digits = text.strip().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= _MAX_ASN):
        raise Invalid(f"Invalid ASN value in parameter {name}")
    return int(digits)


def asns(text: str, name: str = "probe_asn") -> tuple[int, ...]:
    """Read a comma list of networks, each written either way."""
    return tuple(sorted({asn(item, name) for item in items(text)}))


def countries(text: str) -> tuple[str, ...]:
    """Read a comma list of two-letter codes in capitals.

    Raises:
        Invalid: other characters, or a code of another length.
    """
    _check_characters(text, r"[A-Z,]*")
    codes = items(text)
    if any(len(code) != 2 for code in codes):
        raise Invalid("Invalid CC value in parameter probe_cc")
    return codes


def country(text: str) -> str:
    """Read one two-letter code, in either case; the answer is in capitals.

    Raises:
        Invalid: it is not two letters.
    """
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        raise Invalid("missing or incorrect probe_cc")
    return text.upper()


def test_names(text: str) -> tuple[str, ...]:
    """Read a comma list of nettest names: lower-case letters, digits and underscores."""
    _check_characters(text, r"[a-z0-9_,]*")
    return items(text)


def lower_word(text: str) -> str:
    """Read a word of lower-case letters and underscores."""
    _check_characters(text, r"[a-z_]*")
    return text


def upper_word(text: str) -> str:
    """Read a word of capitals."""
    _check_characters(text, r"[A-Z]*")
    return text


def _check_characters(text: str, pattern: str) -> None:
    if not re.fullmatch(pattern, text):
        raise Invalid("Invalid characters")


def flag(text: str) -> bool | None:
    """Read a flag: nothing restricts nothing, ``true`` in any case is true, every other word is false."""
    return text.lower() == "true" if text else None


def yes_or_no(text: str) -> bool:
    """Read a switch: ``true``, ``1`` and ``yes``, or ``false``, ``0`` and ``no``, in any case.

    Raises:
        Undeclared: it is another word.
    """
    return one_of(text.lower(), (*_YES, *_NO)) in _YES


def input(text: str) -> str:
    """Read the input of a nettest. Characters beyond ASCII are legal, since inputs may be IRIs.

    Raises:
        Invalid: it holds an ASCII character that no input needs. URLs of test lists hold every one that can be printed.
    """
    is_url = text.startswith(("http://", "https://")) and text.isprintable()
    if not is_url and any(character.isascii() and character not in _INPUT_CHARACTERS for character in text):
        raise Invalid("Invalid characters in input field")
    return text


def domain(text: str, name: str = "domain") -> str:
    """Read a host name or address with an optional port, as the catalog stores domains.

    Raises:
        Invalid: it is neither.
    """
    if not _is_host_and_port(text):
        raise Invalid(f"Invalid characters in {name} field")
    return text


def domains(text: str) -> tuple[str, ...]:
    """Read a comma list of domains."""
    return tuple(domain(item) for item in items(text))


def _is_host_and_port(text: str) -> bool:
    if _is_host(text) or _is_address(text):
        return True
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return False
    return _is_host(host) or _is_address(host)


def _is_host(text: str) -> bool:
    if len(text) > _LONGEST_DOMAIN:
        return False
    try:
        ascii_text = text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return _HOST.fullmatch(ascii_text) is not None


def _is_address(text: str) -> bool:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True


def report_id(text: str) -> str:
    """Read a report id of any age.

    Raises:
        Invalid: its length is not from 15 to 100, or it holds other characters than letters, digits and underscores.
    """
    if not 15 <= len(text) <= 100:
        raise Invalid("Invalid report_id field")
    if not _LETTERS.fullmatch(text):
        raise Invalid("Invalid characters")
    return text


def measurement_uid(text: str) -> str:
    """Read a measurement uid of any age: historical ones are opaque.

    Raises:
        Invalid: its length is not from 10 to 100, or it holds a character that no uid ever had.
    """
    if not 10 <= len(text) <= 100 or not re.fullmatch(r"[A-Za-z0-9._-]*", text):
        raise Invalid("Invalid measurement_uid field")
    return text


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    if offset is not None:
        return tz.tzoffset(name, offset)
    if name is None:
        return None
    raise Invalid(f"Unknown time zone: {name}")


def instant(text: str, now: datetime) -> datetime:
    """Read a date or an instant, permissively: ``2021-7-9``, ``20210709``, ``2021-07-09T10:30:00+02:00``, ``May 2023``.

    Args:
        text: the value.
        now: aware instant, whose date fills in what the text leaves out.

    Returns:
        Naive UTC.

    Raises:
        Invalid: nothing of the kind.
    """
    if len(text) > _LONGEST_DATE:
        raise Invalid(f"Unknown string format: {text[:_LONGEST_DATE]}...")
    today = datetime(now.year, now.month, now.day)  # noqa: DTZ001 - naive UTC, as everywhere inside
    try:
        parsed = parser.parse(text, default=today, tzinfos=_zone)
        return parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, TypeError, AttributeError, ArithmeticError, IndexError) as exc:
        # The permissive parser lets all of these escape for some texts.
        raise Invalid(str(exc) or f"Unknown string format: {text}") from exc


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """Read a word of a fixed set, exactly.

    Raises:
        Undeclared: it is another one.
    """
    if text not in allowed:
        raise Undeclared(f"{text[:100]!r} is not one of {[*map(str, allowed)]}")
    return text


def at_least(text: str, length: int) -> str:
    """Refuse a text shorter than *length* characters.

    Raises:
        Undeclared: it is.
    """
    if len(text) < length:
        raise Undeclared(f"{text!r} is too short")
    return text


def integer(text: str, name: str, lowest: int, highest: int) -> int:
    """Read a whole number.

    Raises:
        Invalid: it is none, or out of range.
    """
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise Invalid(f"{name} must be a whole number from {lowest} to {highest}")
    return int(text)

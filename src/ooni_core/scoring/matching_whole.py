"""Finding fingerprints as their authors meant them: every pattern type honoured, every value of a header looked at."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import attrs
import re2

from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet, compiled, regexp_options
from ooni_core.scoring.matching import (
    Hit,
    TextFinder,
    address_of,
    answers_of,
    as_bytes,
    body_bytes,
    number_of,
    place_in_response,
    place_of_answer,
)
from ooni_core.scoring.reading import decoded_base64, wrong_type

MIN_LITERAL = 4
"""A regular expression with fewer literal characters matches by accident, and is not used."""


def literal_length(pattern: str) -> int:
    """Count the characters of a regular expression that stand for themselves."""
    return len(re.sub(r"\\.|[.^$*+?{}()\[\]|]", "", pattern))


@lru_cache(maxsize=8192)
def canonical_address(address: str) -> str:
    """Write an IP address in its shortest form, a host name in small letters without the final dot."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address.lower().removesuffix(".")


def _test_of(one: Fingerprint) -> Callable[[str], bool]:
    """Return the test whether a text value matches *one*."""
    pattern = one.pattern
    if one.pattern_type == "full":
        return pattern.__eq__
    if one.pattern_type == "prefix":
        return lambda value: value.startswith(pattern)
    if one.pattern_type == "contains":
        return lambda value: pattern in value
    expression = compiled(pattern)
    return lambda value: expression.search(as_bytes(value)) is not None


@attrs.frozen(eq=False)
class _ExpressionFinder:
    """Says which of many regular expressions occur in a body, in one pass of linear time."""

    _numbers: list[int]
    _set: Any

    @classmethod
    def of(cls, expressions: list[tuple[int, str]]) -> "_ExpressionFinder":
        searched = re2.Set.SearchSet(regexp_options())
        for _, pattern in expressions:
            searched.Add(pattern)
        if expressions:
            searched.Compile()
        return cls([number for number, _ in expressions], searched)

    def found(self, body: bytes) -> list[int]:
        if not self._numbers:
            return []
        return [self._numbers[index] for index in self._set.Match(_as_utf8(body)) or ()]


def _as_utf8(body: bytes) -> bytes:
    """Return *body* if it is UTF-8, else read it as Latin-1: a dot of an expression must match something."""
    try:
        _ = body.isascii() or body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1").encode()
    return body


@attrs.frozen(eq=False)
class _HeaderFinder:
    """All patterns for one header. One pass over a value says which texts are in it; few need a closer look."""

    _patterns: dict[int, tuple[Fingerprint, Callable[[str], bool]]]
    _texts: TextFinder
    _expressions: list[int]

    @classmethod
    def of(cls, patterns: list[tuple[int, Fingerprint]]) -> "_HeaderFinder":
        texts = [(number, as_bytes(one.pattern)) for number, one in patterns if one.pattern_type != "regexp"]
        expressions = [number for number, one in patterns if one.pattern_type == "regexp"]
        return cls({number: (one, _test_of(one)) for number, one in patterns}, TextFinder.of(texts), expressions)

    def found(self, value: str) -> Iterator[tuple[int, Fingerprint]]:
        for number in (*self._texts.found(as_bytes(value)), *self._expressions):
            one, matches = self._patterns[number]
            if matches(value):
                yield number, one


@attrs.frozen(eq=False)
class WholePatternMatcher:
    """Matches every pattern type in answers, bodies and headers. Bodies are matched as bytes, patterns as UTF-8."""

    _addresses: dict[str, list[tuple[int, Fingerprint]]]
    _address_tests: list[tuple[int, Fingerprint, Callable[[str], bool]]]
    _http: tuple[Fingerprint, ...]
    _texts: TextFinder
    _expressions: _ExpressionFinder
    _headers: dict[str, _HeaderFinder]

    @classmethod
    def of(cls, fingerprints: FingerprintSet) -> "WholePatternMatcher":
        """Prepare to match *fingerprints*, without the regular expressions that match by accident."""
        addresses: dict[str, list[tuple[int, Fingerprint]]] = {}
        address_tests = []
        for number, one in _usable(fingerprints.dns):
            if one.pattern_type == "full":
                addresses.setdefault(canonical_address(one.pattern), []).append((number, one))
            else:
                address_tests.append((number, one, _test_of(one)))
        headers: dict[str, list[tuple[int, Fingerprint]]] = {}
        texts, expressions = [], []
        for number, one in _usable(fingerprints.http):
            if one.header:
                headers.setdefault(one.header, []).append((number, one))
            elif one.pattern_type == "regexp":
                expressions.append((number, one.pattern))
            else:
                texts.append((number, as_bytes(one.pattern)))
        return cls(
            addresses,
            address_tests,
            fingerprints.http,
            TextFinder.of(texts),
            _ExpressionFinder.of(expressions),
            {name: _HeaderFinder.of(patterns) for name, patterns in headers.items()},
        )

    def in_answers(self, test_keys: dict[str, Any]) -> list[Hit]:
        """Compare each answer's address with all patterns."""
        hits: list[Hit] = []
        for answer, query, position in answers_of(test_keys):
            address = address_of(answer)
            if not isinstance(address, str) or not address:
                continue
            plain = canonical_address(address)
            found = list(self._addresses.get(plain, ()))
            found += [(number, one) for number, one, matches in self._address_tests if matches(plain)]
            where = place_of_answer(query, position)
            hits += [Hit(one, where) for _, one in sorted(found, key=number_of)]
        return hits

    def in_response(self, response: dict[str, Any], request: int) -> list[Hit]:
        """Search the body, then all values of the headers."""
        hits: list[Hit] = []
        body = body_bytes(response.get("body"))
        if body:
            candidates = (number for number in self._texts.found(body) if self._fits(self._http[number], body))
            numbers = sorted({*candidates, *self._expressions.found(body)})
            hits += [Hit(self._http[number], place_in_response(request, "body")) for number in numbers]
        if self._headers:
            hits += self._in_headers(response, request)
        return hits

    def _fits(self, one: Fingerprint, body: bytes) -> bool:
        """Say whether a text that occurs somewhere in the body occurs where its type wants it."""
        if one.pattern_type == "contains":
            return True
        pattern = as_bytes(one.pattern)
        return body == pattern if one.pattern_type == "full" else body.startswith(pattern)

    def _in_headers(self, response: dict[str, Any], request: int) -> list[Hit]:
        found: dict[int, Hit] = {}
        for name, value in header_values(response):
            finder = self._headers.get(name.lower())
            for number, one in finder.found(value) if finder else ():
                if number not in found:
                    found[number] = Hit(one, place_in_response(request, f"headers.{name}"))
        return [found[number] for number in sorted(found)]


def _usable(fingerprints: tuple[Fingerprint, ...]) -> Iterator[tuple[int, Fingerprint]]:
    for number, one in enumerate(fingerprints):
        if one.pattern_type != "regexp" or literal_length(one.pattern) >= MIN_LITERAL:
            yield number, one


def header_values(response: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and text of every header: from ``headers_list`` if there is one, else from ``headers``.

    Values that are neither text nor base64 are passed over.

    Raises:
        Lost: the headers are neither an object nor a list.
        BadBase64: a value says it is base64 and is not.
    """
    headers = response.get("headers_list") or response.get("headers")
    if not headers:
        return
    if isinstance(headers, dict):
        pairs = list(headers.items())
    elif isinstance(headers, list):
        pairs = [(item[0], item[1]) for item in headers if isinstance(item, list) and len(item) == 2]
    else:
        raise wrong_type("response headers", headers, "an object or a list")
    for name, values in pairs:
        for value in values if isinstance(values, list) else [values]:
            text = _header_text(value)
            if isinstance(name, str) and text is not None:
                yield name, text


def _header_text(value: Any) -> str | None:
    if isinstance(value, dict) and value.get("format") == "base64":
        return decoded_base64(value.get("data", "")).decode("latin-1")
    return value if isinstance(value, str) else None

"""Finding fingerprints in a measurement, at a cost that does not grow with their number.

What it must equal, match for match and in order, is the plain loop: DNS answers first, then per response the body,
then the headers; inside each, the order of the fingerprint set; at most once per response, again for the next one.

Source: A. Aho, M. Corasick, "Efficient string matching", 1975, for bodies. Texts are compared as UTF-8 bytes, in which
one character never begins inside another, so byte matches are text matches.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import attrs
from ahocorasick_rs import BytesAhoCorasick, Implementation

from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet
from ooni_core.scoring.reading import decoded_base64, get, get_or, has, records, wrong_type


@attrs.frozen
class Hit:
    """A fingerprint and where it was found, such as ``requests[0].response.body``."""

    fingerprint: Fingerprint
    where: str


class Matcher(Protocol):
    """Finds the fingerprints of one set under one rule set."""

    def in_answers(self, test_keys: dict[str, Any]) -> list[Hit]:
        """Find fingerprints in the DNS answers of ``queries``.

        Raises:
            Lost: queries or answers have another shape.
        """

    def in_response(self, response: dict[str, Any], where: str) -> list[Hit]:
        """Find fingerprints in body and headers of one HTTP response.

        Raises:
            Lost: body or headers have another shape.
            BadBase64: a part says it is base64 and is not.
        """


def hits_in(matcher: Matcher, test_keys: dict[str, Any]) -> list[Hit]:
    """Find everything there is in a measurement: DNS answers, then response after response.

    Raises:
        Lost: the measurement has another shape.
        BadBase64: a part says it is base64 and is not.
    """
    hits = matcher.in_answers(test_keys)
    for number, request in enumerate(records(test_keys, "requests")):
        response = request.get("response")
        if response is not None:
            if not isinstance(response, dict):
                raise wrong_type(f"requests[{number}].response", response, "an object")
            hits += matcher.in_response(response, f"requests[{number}].response")
    return hits


def answers_of(test_keys: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each DNS answer and the place where it stands."""
    for number, query in enumerate(records(test_keys, "queries")):
        for position, answer in enumerate(_elements(query, "answers")):
            yield f"queries[{number}].answers[{position}]", answer


def _elements(holder: dict[str, Any], key: str) -> Sequence[Any]:
    value = get_or(holder, key, ())
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | dict) and not value:
        return ()
    raise wrong_type(repr(key), value, "a list")


def address_of(answer: Any) -> Any:
    """Return what a DNS answer points to: the first of its keys ``ipv4``, ``hostname``, ``ipv6`` that exists.

    Raises:
        Lost: the answer is no object.
    """
    for key in ("ipv4", "hostname", "ipv6"):
        if has(answer, key):
            return answer[key]
    return ""


def as_bytes(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate, which JSON allows, becomes its own three bytes."""
    return text.encode("utf-8", "surrogatepass")


@attrs.frozen(eq=False)
class TextFinder:
    """Says which of many texts occur in a body: one pass over the body, however many texts there are."""

    _numbers: list[list[int]]
    _automaton: BytesAhoCorasick | None

    @classmethod
    def of(cls, texts: Iterable[tuple[int, bytes]]) -> "TextFinder":
        """Prepare to look for *texts*, each with the number by which it is reported. Texts may repeat."""
        numbers: dict[bytes, list[int]] = {}
        for number, text in texts:
            numbers.setdefault(text, []).append(number)
        if not numbers:
            return cls([], None)
        # A full transition table: the largest and by far the fastest form, some 20 MB for all published texts.
        return cls(list(numbers.values()), BytesAhoCorasick(list(numbers), implementation=Implementation.DFA))

    def __bool__(self) -> bool:
        return self._automaton is not None

    def found(self, body: bytes) -> list[int]:
        """Return the numbers of all texts that occur in *body*, ascending."""
        if self._automaton is None:
            return []
        # Overlapping: many published texts contain one another, and each counts.
        matches = self._automaton.find_matches_as_indexes(body, overlapping=True)
        if not matches:
            return []
        return sorted({number for index in {match[0] for match in matches} for number in self._numbers[index]})


def body_bytes(body: Any) -> bytes | None:
    """Return the bytes of a response body, None if there is none to search.

    Raises:
        Lost: the body is neither text nor object.
        BadBase64: it says it is base64 and is not.
    """
    if isinstance(body, str):
        return as_bytes(body)
    if body is None:
        return None
    if isinstance(body, dict):
        if "data" in body and get(body, "format", "") == "base64":
            return decoded_base64(body["data"])
        return None
    raise wrong_type("a response body", body, "a text")


@attrs.frozen(eq=False)
class HistoricalMatcher:
    """Matches as services have always done.

    Addresses are compared whole; body patterns are searched as they are written, whatever their type; of headers, only
    types ``full`` and ``prefix`` are looked at. With *headers_match* false, header names lack
    their first letter, as before July 2025.
    """

    _addresses: dict[str, list[Fingerprint]]
    _http: tuple[Fingerprint, ...]
    _bodies: TextFinder
    _headers: dict[str, list[tuple[int, Fingerprint]]]

    @classmethod
    def of(cls, fingerprints: FingerprintSet, *, headers_match: bool) -> "HistoricalMatcher":
        """Prepare to match *fingerprints*."""
        addresses: dict[str, list[Fingerprint]] = {}
        for one in fingerprints.dns:
            addresses.setdefault(one.pattern, []).append(one)
        headers: dict[str, list[tuple[int, Fingerprint]]] = {}
        bodies = []
        for number, one in enumerate(fingerprints.http):
            if not one.header:
                bodies.append((number, as_bytes(one.pattern)))
            elif one.pattern_type in {"full", "prefix"}:
                name = one.header if headers_match else one.header[1:]
                headers.setdefault(name, []).append((number, one))
        return cls(addresses, fingerprints.http, TextFinder.of(bodies), headers)

    def in_answers(self, test_keys: dict[str, Any]) -> list[Hit]:
        """Compare each answer's address with all patterns."""
        hits: list[Hit] = []
        for where, answer in answers_of(test_keys):
            if not self._addresses:
                continue
            address = address_of(answer)
            if isinstance(address, str) and address in self._addresses:
                hits += [Hit(one, where) for one in self._addresses[address]]
        return hits

    def in_response(self, response: dict[str, Any], where: str) -> list[Hit]:
        """Search the body, then the headers."""
        hits: list[Hit] = []
        if self._bodies:
            body = body_bytes(response.get("body"))
            if body:
                hits += [Hit(self._http[number], f"{where}.body") for number in self._bodies.found(body)]
        headers = response.get("headers")
        if headers:
            hits += self._in_headers(headers, where)
        return hits

    def _in_headers(self, headers: Any, where: str) -> list[Hit]:
        if not isinstance(headers, dict):
            raise wrong_type("response headers", headers, "an object")
        found: list[tuple[int, Hit]] = []
        last_of_name = {name.lower(): (name, value) for name, value in headers.items()}
        for lower in last_of_name.keys() & self._headers.keys():
            name, value = last_of_name[lower]
            for number, one in self._headers[lower]:
                if _value_matches(one, value):
                    found.append((number, Hit(one, f"{where}.headers.{name}")))
        return [hit for _, hit in sorted(found, key=number_of)]


def number_of(found: tuple[int, Any]) -> int:
    """Return the number that stands first, for sorting."""
    return found[0]


def _value_matches(one: Fingerprint, value: Any) -> bool:
    if one.pattern_type == "full":
        return bool(value == one.pattern)
    if isinstance(value, dict) and value.get("format") == "base64":
        value = decoded_base64(value.get("data", "")).decode("latin-1")
    return isinstance(value, str) and value.startswith(one.pattern)


def locate(pattern: str, body: str | bytes) -> int:
    """Return where *pattern* begins in *body*: an offset in characters of text or bytes of bytes; -1 if nowhere."""
    return body.find(pattern) if isinstance(body, str) else body.find(as_bytes(pattern))

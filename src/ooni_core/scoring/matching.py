"""Finding fingerprints in a measurement, at a cost that does not grow with their number.

What it must equal, match for match and in order, is the plain loop: DNS answers first, then per response the body,
then the headers; inside each, the order of the fingerprint set; at most once per response, again for the next one.

Source: X. Wang et al., "Hyperscan: a fast multi-pattern regex matcher for modern CPUs", 2019, for bodies: a filter over
several bytes at once, seven times faster here than an automaton that looks at each. Texts are compared as UTF-8 bytes,
in which one character never begins inside another, so byte matches are text matches.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import attrs
import hyperscan

from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet
from ooni_core.scoring.reading import decoded_base64, get, records, wrong_type


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

    def in_response(self, response: dict[str, Any], request: int) -> list[Hit]:
        """Find fingerprints in body and headers of the HTTP response to request number *request*.

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
            hits += matcher.in_response(response, number)
    return hits


def answers_of(test_keys: dict[str, Any]) -> Iterator[tuple[Any, int, int]]:
    """Yield each DNS answer, the number of its query and its own number there."""
    for number, query in enumerate(records(test_keys, "queries")):
        answers = query.get("answers")
        if isinstance(answers, list):
            for position, answer in enumerate(answers):
                yield answer, number, position
        elif answers is not None and answers not in ("", {}):
            raise wrong_type("'answers'", answers, "a list")


def place_of_answer(query: int, answer: int) -> str:
    """Name the place of a DNS answer in the test keys."""
    return f"queries[{query}].answers[{answer}]"


def place_in_response(request: int, part: str) -> str:
    """Name the place of a part of an HTTP response in the test keys."""
    return f"requests[{request}].response.{part}"


def address_of(answer: Any) -> Any:
    """Return what a DNS answer points to: the first of its keys ``ipv4``, ``hostname``, ``ipv6`` that exists.

    Raises:
        Lost: the answer is no object.
    """
    if not isinstance(answer, dict):
        raise wrong_type("a DNS answer", answer, "an object")
    for key in ("ipv4", "hostname", "ipv6"):
        if key in answer:
            return answer[key]
    return ""


def as_bytes(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate, which JSON allows, becomes its own three bytes."""
    return text.encode("utf-8", "surrogatepass")


_INDEXED = 4096  # bytes; the library takes longer texts for a mistake


@attrs.frozen(eq=False)
class TextFinder:
    """Says which of many texts occur in a body: one pass over the body, however many texts there are."""

    _texts: list[bytes]
    _numbers: list[list[int]]
    _database: Any

    @classmethod
    def of(cls, texts: Iterable[tuple[int, bytes]]) -> "TextFinder":
        """Prepare to look for *texts*, each with the number by which it is reported. Texts may repeat."""
        numbers: dict[bytes, list[int]] = {}
        for number, text in texts:
            numbers.setdefault(text, []).append(number)
        distinct = list(numbers)
        return cls(distinct, list(numbers.values()), _database_of(distinct) if distinct else None)

    def __bool__(self) -> bool:
        return self._database is not None

    def found(self, body: bytes) -> list[int]:
        """Return the numbers of all texts that occur in *body*, ascending."""
        if self._database is None:
            return []
        indexes: list[int] = []
        try:
            self._database.scan(body, _note, context=indexes)
        except hyperscan.ScratchInUseError:  # another thread is scanning just now
            indexes.clear()
            self._database.scan(body, _note, context=indexes, scratch=hyperscan.Scratch(self._database))
        whole = (index for index in indexes if len(self._texts[index]) <= _INDEXED or self._texts[index] in body)
        return sorted(number for index in whole for number in self._numbers[index])


def _database_of(texts: list[bytes]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    # Texts may contain one another, and each counts, once.
    database.compile(
        expressions=[text[:_INDEXED] for text in texts],
        ids=range(len(texts)),
        elements=len(texts),
        flags=hyperscan.HS_FLAG_SINGLEMATCH,
        literal=True,
    )
    return database


def _note(index: int, _begin: int, _end: int, _flags: int, indexes: list[int]) -> None:
    indexes.append(index)


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
    _headers: dict[str, "_HeaderPatterns"]

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
        return cls(
            addresses,
            fingerprints.http,
            TextFinder.of(bodies),
            {name: _HeaderPatterns.of(patterns) for name, patterns in headers.items()},
        )

    def in_answers(self, test_keys: dict[str, Any]) -> list[Hit]:
        """Compare each answer's address with all patterns."""
        hits: list[Hit] = []
        for answer, query, position in answers_of(test_keys):
            if not self._addresses:
                continue
            address = address_of(answer)
            if isinstance(address, str) and address in self._addresses:
                where = place_of_answer(query, position)
                hits += [Hit(one, where) for one in self._addresses[address]]
        return hits

    def in_response(self, response: dict[str, Any], request: int) -> list[Hit]:
        """Search the body, then the headers."""
        hits: list[Hit] = []
        if self._bodies:
            body = body_bytes(response.get("body"))
            if body:
                where = place_in_response(request, "body")
                hits += [Hit(self._http[number], where) for number in self._bodies.found(body)]
        headers = response.get("headers")
        if headers:
            hits += self._in_headers(headers, request)
        return hits

    def _in_headers(self, headers: Any, request: int) -> list[Hit]:
        if not isinstance(headers, dict):
            raise wrong_type("response headers", headers, "an object")
        found: list[tuple[int, Hit]] = []
        last_of_name = {name.lower(): name for name in headers}
        for lower in last_of_name.keys() & self._headers.keys():
            name = last_of_name[lower]
            matches = self._headers[lower].matches(headers[name])
            found += [(number, Hit(one, place_in_response(request, f"headers.{name}"))) for number, one in matches]
        return [hit for _, hit in sorted(found, key=number_of)]


@attrs.frozen
class _HeaderPatterns:
    """All patterns for one header, so that one look says whether any can match."""

    _patterns: list[tuple[int, Fingerprint]]
    _whole: frozenset[str]
    _beginnings: tuple[str, ...]

    @classmethod
    def of(cls, patterns: list[tuple[int, Fingerprint]]) -> "_HeaderPatterns":
        texts = [one.pattern for _, one in patterns if one.pattern_type == "full"]
        beginnings = [one.pattern for _, one in patterns if one.pattern_type == "prefix"]
        return cls(patterns, frozenset(texts), tuple(beginnings))

    def matches(self, value: Any) -> list[tuple[int, Fingerprint]]:
        text = value
        if self._beginnings and isinstance(value, dict) and value.get("format") == "base64":
            text = decoded_base64(value.get("data", "")).decode("latin-1")
        if not isinstance(text, str) or not (text in self._whole or text.startswith(self._beginnings)):
            return []
        return [
            (number, one)
            for number, one in self._patterns
            if (value == one.pattern if one.pattern_type == "full" else text.startswith(one.pattern))
        ]


def number_of(found: tuple[int, Any]) -> int:
    """Return the number that stands first, for sorting."""
    return found[0]


def locate(pattern: str, body: str | bytes) -> int:
    """Return where *pattern* begins in *body*: an offset in characters of text or bytes of bytes; -1 if nowhere."""
    return body.find(pattern) if isinstance(body, str) else body.find(as_bytes(pattern))

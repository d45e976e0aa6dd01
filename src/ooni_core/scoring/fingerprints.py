"""Fingerprints: texts that are known to appear in block pages, redirects and forged DNS answers.

Source: https://github.com/ooni/blocking-fingerprints, two CSV files, one for DNS and one for HTTP.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import attrs
import orjson
import re2

from ooni_core.errors import Invalid

SCOPES = ("nat", "isp", "prod", "inst", "vbw", "fp", "injb", "prov")
"""Whose page it is: national, of an internet provider, of a product, of an institution; or vague blocking words,
a known false positive, injected blocking, provider-side."""

PATTERN_TYPES = ("full", "prefix", "contains", "regexp")

_LOADED = (
    "name",
    "scope",
    "other_names",
    "location_found",
    "pattern_type",
    "pattern",
    "confidence_no_fp",
    "expected_countries",
)
HEADER = ",".join((*_LOADED, "source", "exp_url", "notes"))
"""First line of both CSV files."""
_HEADER_PREFIX = "header."


def countries(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of country codes: capitals, sorted, once each, without ``ZZ``.

    >>> countries("it,ZZ,RU")
    ('IT', 'RU')
    """
    codes = {code.strip().upper() for code in text.split(",")}
    return tuple(sorted(codes - {"", "ZZ"}))


@attrs.frozen
class Fingerprint:
    """One text to look for, and what finding it means.

    Attributes:
        name: unique, ``source.identifier``.
        scope: one of `SCOPES`.
        location_found: ``dns``, ``body``, or ``header.<lower-case name>``.
        pattern_type: one of `PATTERN_TYPES`.
        pattern: never empty. White space at its ends counts.
        confidence_no_fp: 0 to 255, how sure its author is that it is no false positive. No rule reads it.
        expected_countries: where this text is expected, capitals.
    """

    name: str = attrs.field(validator=attrs.validators.min_len(1))
    scope: str
    location_found: str
    pattern_type: str
    pattern: str
    confidence_no_fp: int
    expected_countries: tuple[str, ...] = ()
    other_names: str = ""

    def __attrs_post_init__(self) -> None:
        for problem in _problems(self):
            raise Invalid(f"fingerprint {self.name[:80]!r}: {problem}")

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Fingerprint":
        """Read a row of a CSV file, a JSON file or a database table; other columns than the 8 are ignored.

        Raises:
            Invalid: a column is missing or holds something else than it should.
        """
        missing = [column for column in _LOADED if row.get(column) is None]
        if missing:
            raise Invalid(f"fingerprint {row.get('name')!r}: no {', '.join(missing)}")
        expected = row["expected_countries"]
        return cls(
            name=str(row["name"]),
            scope=str(row["scope"]),
            location_found=str(row["location_found"]),
            pattern_type=str(row["pattern_type"]),
            pattern=str(row["pattern"]),
            confidence_no_fp=_confidence(row["confidence_no_fp"], str(row["name"])),
            expected_countries=countries(expected if isinstance(expected, str) else ",".join(expected)),
            other_names=str(row["other_names"]),
        )

    @property
    def header(self) -> str:
        """Name of the header it looks at, lower case; empty if it looks at the body or at DNS answers."""
        return self.location_found.removeprefix(_HEADER_PREFIX) if self.location_found.startswith("header.") else ""

    @property
    def evidence(self) -> dict[str, Any]:
        """The form in which ``scores.fingerprints`` lists a match."""
        return {
            "name": self.name,
            "scope": self.scope,
            "location_found": self.location_found,
            "confidence_no_fp": self.confidence_no_fp,
            "expected_countries": list(self.expected_countries),
        }

    @property
    def locality(self) -> str:
        """Which blocking score a confirming match raises: ``general``, ``country``, ``isp`` or ``local``."""
        return {"nat": "country", "isp": "isp", "inst": "local"}.get(self.scope, "general")

    def confirms(self, probe_cc: str) -> bool:
        """Say whether a match in country *probe_cc* (capitals, ``ZZ`` unknown) proves blocking."""
        return self.scope in {"isp", "nat"} or (probe_cc != "ZZ" and probe_cc in self.expected_countries)


def _confidence(value: Any, name: str) -> int:
    try:
        return int(value)
    except ValueError as exc:
        raise Invalid(f"fingerprint {name[:80]!r}: confidence_no_fp is {value!r}, expected 0 to 255") from exc


def _problems(one: Fingerprint) -> Iterator[str]:
    if one.scope not in SCOPES:
        yield f"scope is {one.scope!r}, expected one of {', '.join(SCOPES)}"
    if one.pattern_type not in PATTERN_TYPES:
        yield f"pattern_type is {one.pattern_type!r}, expected one of {', '.join(PATTERN_TYPES)}"
    if not one.pattern:
        yield "pattern is empty and would match everything"
    if one.location_found not in {"dns", "body"} and not one.header:
        yield f"location_found is {one.location_found!r}, expected dns, body or header.<name>"
    if one.header != one.header.lower():
        yield f"location_found is {one.location_found!r}, header names are lower case"
    if not 0 <= one.confidence_no_fp <= 255:
        yield f"confidence_no_fp is {one.confidence_no_fp}, expected 0 to 255"
    for code in one.expected_countries:
        if len(code) != 2 or not code.isascii() or not code.isalpha():
            yield f"expected_countries holds {code!r}, expected two letters"
    if one.pattern_type == "regexp":
        yield from _regexp_problem(one.pattern)


def _regexp_problem(pattern: str) -> Iterator[str]:
    try:
        compiled(pattern)
    except re2.error as exc:
        yield f"pattern is no regular expression: {exc}"


def compiled(pattern: str) -> Any:
    """Compile a regular expression; it runs in linear time whatever the text.

    Raises:
        re2.error: it is not one.
    """
    return re2.compile(pattern, regexp_options())


def regexp_options() -> Any:
    """Return how all regular expressions of fingerprints are read: their dot matches line ends too."""
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return options


@attrs.define(frozen=True, slots=False)
class FingerprintSet:
    """All fingerprints a scorer knows, in the order in which it reports them.

    The order matters: a measurement that matches several lists them in it. CSV files and JSON rows keep their own
    order; `as_database` gives the order in which the historical database returned them.
    """

    dns: tuple[Fingerprint, ...] = ()
    http: tuple[Fingerprint, ...] = ()

    EMPTY: ClassVar["FingerprintSet"]
    """The set that matches nothing."""

    def __attrs_post_init__(self) -> None:
        for kind, fingerprints in (("DNS", self.dns), ("HTTP", self.http)):
            names: set[str] = set()
            for one in fingerprints:
                if one.name in names:
                    raise Invalid(f"fingerprint {one.name!r} is there twice among the {kind} fingerprints")
                names.add(one.name)
                if (one.location_found == "dns") != (kind == "DNS"):
                    raise Invalid(f"fingerprint {one.name!r} is for {one.location_found}, not for {kind}")

    @classmethod
    def from_csv(cls, dns_text: str, http_text: str) -> "FingerprintSet":
        """Read the two CSV files as published.

        Raises:
            Invalid: a file is not as published; the message says which, the line, and what would be right.
        """
        return cls(tuple(_from_csv(dns_text, "dns")), tuple(_from_csv(http_text, "http")))

    @classmethod
    def from_rows(
        cls, dns_rows: Iterable[Mapping[str, Any]], http_rows: Iterable[Mapping[str, Any]]
    ) -> "FingerprintSet":
        """Take rows of the tables ``fingerprints_dns`` and ``fingerprints_http``, or of the JSON form, in this order.

        Raises:
            Invalid: a row cannot be a fingerprint.
        """
        return cls(tuple(map(Fingerprint.from_row, dns_rows)), tuple(map(Fingerprint.from_row, http_rows)))

    def as_database(self) -> "FingerprintSet":
        """Return the same fingerprints ordered as the historical tables returned them: shorter names first."""

        def stored(one: Fingerprint) -> tuple[int, bytes]:
            name = one.name.encode()
            return len(name), name

        return FingerprintSet(tuple(sorted(self.dns, key=stored)), tuple(sorted(self.http, key=stored)))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (hex) of content and order: equal texts score equally."""
        content = [[attrs.astuple(one) for one in fingerprints] for fingerprints in (self.dns, self.http)]
        return hashlib.sha256(orjson.dumps(content)).hexdigest()

    def __len__(self) -> int:
        return len(self.dns) + len(self.http)


FingerprintSet.EMPTY = FingerprintSet()


def _from_csv(text: str, kind: str) -> Iterator[Fingerprint]:
    file = f"fingerprints_{kind}.csv"
    # Not splitlines(): patterns may hold the exotic line ends it knows, and csv must see the real ones.
    reader = csv.reader((line + "\n" for line in text.removesuffix("\n").split("\n")), strict=True)
    try:
        header = next(reader, [])
        if ",".join(header) != HEADER:
            raise Invalid(f"{file}, line 1: expected the columns {HEADER}, found {','.join(header)[:200]!r}")
        first_line = reader.line_num + 1
        names: dict[str, int] = {}
        for row in reader:
            yield _from_csv_row(row, f"{file}, line {first_line}", names, first_line)
            first_line = reader.line_num + 1
    except csv.Error as exc:
        raise Invalid(f"{file}, line {reader.line_num}: {exc}") from exc


def _from_csv_row(row: list[str], where: str, names: dict[str, int], line: int) -> Fingerprint:
    if len(row) != HEADER.count(",") + 1:
        raise Invalid(f"{where}: {len(row)} fields, expected {HEADER.count(',') + 1}")
    values = dict(zip(_LOADED, row, strict=False))
    expected = values["expected_countries"]
    if expected and any(not code or code != code.strip() for code in expected.split(",")):
        raise Invalid(f"{where}: expected_countries is {expected!r}, expected codes separated by single commas")
    try:
        fingerprint = Fingerprint.from_row(values)
    except Invalid as exc:
        raise Invalid(f"{where}: {exc}") from exc
    if (fingerprint.location_found == "dns") != where.startswith("fingerprints_dns"):
        raise Invalid(f"{where}: location_found is {fingerprint.location_found!r}, which belongs into the other file")
    if fingerprint.name in names:
        raise Invalid(f"{where}: the name {fingerprint.name!r} is taken by line {names[fingerprint.name]}")
    names[fingerprint.name] = line
    return fingerprint

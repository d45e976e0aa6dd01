"""Proof that each fingerprint can match: it is planted in a measurement, and the measurement is scored.

A fingerprint that can never match looks the same as one that found nothing, and has gone unnoticed for years before.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

import attrs

from ooni_core.reference.countries import COUNTRY_NAMES
from ooni_core.scoring.engine import Engine
from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet, compiled
from ooni_core.scoring.matching_whole import MIN_LITERAL, literal_length
from ooni_core.scoring.model import Stored
from ooni_core.testing import UID, measurement, submission


@attrs.frozen
class Proof:
    """Whether one fingerprint is found where it was planted.

    Attributes:
        problem: why it is dead; empty if it is alive.
    """

    fingerprint: Fingerprint
    problem: str = ""


def prove(fingerprints: FingerprintSet, ruleset: str = "head") -> Iterator[Proof]:
    """Plant each fingerprint and score it with all of them, in order.

    Raises:
        Invalid: there is no such rule set.

    >>> from ooni_core.testing import block_page
    >>> page = block_page("cleanfeed", location="header.via", pattern_type="contains")
    >>> [proof.problem for proof in prove(FingerprintSet(http=(page,)), "head")]
    ['rule set head never looks at header fingerprints of type contains']
    >>> [proof.problem for proof in prove(FingerprintSet(http=(page,)), "full")]
    ['']
    """
    engine = Engine(fingerprints, ruleset)
    for one in (*fingerprints.dns, *fingerprints.http):
        yield Proof(one, _problem(one, engine))


def _problem(one: Fingerprint, engine: Engine) -> str:
    sample = sample_of(one)
    if sample is None:
        return "no text could be made that its expression matches; write it more simply"
    outcome = engine.score(submission(measurement(test_keys=planted(one, sample))), UID)
    if not isinstance(outcome, Stored):
        return f"its measurement is not stored: {outcome.reason}"
    if one.name in {found["name"] for found in outcome.scores.get("fingerprints", ())}:
        return ""
    return _cause(one, engine)


def _cause(one: Fingerprint, engine: Engine) -> str:
    rules = engine.ruleset
    if one.header and not rules.headers_match:
        return f"rule set {rules.name} cuts the first letter of header names"
    if one.pattern_type == "regexp" and rules.whole_patterns and literal_length(one.pattern) < MIN_LITERAL:
        return f"its expression has fewer than {MIN_LITERAL} literal characters and would match by accident"
    if one.header and not rules.whole_patterns and one.pattern_type in {"contains", "regexp"}:
        return f"rule set {rules.name} never looks at header fingerprints of type {one.pattern_type}"
    if not rules.whole_patterns and one.pattern_type != "full":
        return f"rule set {rules.name} takes patterns as they are written, whatever their type"
    return "it was planted and not found"


def planted(one: Fingerprint, sample: str) -> dict[str, Any]:
    """Return test keys that hold *sample* where *one* looks."""
    if one.location_found == "dns":
        return {"queries": [{"answers": [{_address_key(sample): sample}]}]}
    if one.header:
        return {"requests": [{"response": {"body": "", "headers": {one.header.title(): sample}}}]}
    return {"requests": [{"response": {"body": sample, "headers": {}}}]}


def _address_key(address: str) -> str:
    try:
        return f"ipv{ipaddress.ip_address(address).version}"
    except ValueError:
        return "hostname"


def sample_of(one: Fingerprint) -> str | None:
    """Return a text that *one* should match as its author meant it; None if its expression is too involved."""
    if one.pattern_type == "full":
        return one.pattern
    if one.pattern_type == "prefix":
        return f"{one.pattern}and more"
    if one.pattern_type == "contains":
        return f"before {one.pattern} after"
    sample = f"before {_matching_text(one.pattern)} after"
    return sample if compiled(one.pattern).search(sample) else None


_PIECES = re.compile(r"\\.|\[(?:\\.|[^\]])+\]|[*+?]\??|\{\d[^}]*\}|\(\?:|.", re.DOTALL)
_CLASSES = {"d": "0", "s": " ", "w": "a", "b": "", "n": "\n", "t": "\t", "r": "\r"}


def _matching_text(expression: str) -> str:
    """Write a text that a simple *expression* matches: each part once, of alternatives the last."""
    text = ""
    for part in _PIECES.findall(expression):
        if part[0] == "\\":
            text += _CLASSES.get(part[1], part[1])
        elif part[0] == "[" and len(part) > 1:
            text += part[1]
        elif part == ".":
            text += "x"
        elif part == "|":
            text = ""
        elif part == "{" or part[0] not in "*+?{()^$":
            text += part
    return text


def doubts(fingerprints: FingerprintSet) -> Iterator[tuple[Fingerprint, str]]:
    """Yield fingerprints that are valid and can match, and yet deserve a second look, with the reason."""
    names = {one.name for one in fingerprints.dns}
    for one in (*fingerprints.dns, *fingerprints.http):
        if one.pattern_type != "full" and len(one.pattern) < MIN_LITERAL:
            yield one, f"its pattern is shorter than {MIN_LITERAL} characters"
        if one.pattern_type == "regexp" and literal_length(one.pattern) < MIN_LITERAL:
            yield one, f"its expression has fewer than {MIN_LITERAL} literal characters"
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", one.pattern):
            yield one, "its pattern holds control characters"
        if one.scope == "fp" and one.expected_countries:
            yield one, "a false positive with expected countries confirms blocking there"
        if one.location_found != "dns" and one.name in names:
            yield one, "its name is also that of a DNS fingerprint"
        for code in one.expected_countries:
            if code not in COUNTRY_NAMES:
                yield one, f"it expects the unknown country {code}"

"""Why a measurement got its verdict: for a person who doubts it."""

import re
from typing import Any

import attrs

from ooni_core.scoring.fingerprints import Fingerprint, compiled
from ooni_core.scoring.matching import Hit, as_bytes, body_bytes
from ooni_core.scoring.model import Outcome
from ooni_core.scoring.reading import BadBase64
from ooni_core.scoring.verdict import Lost, Scores

_AROUND = 40
_STEP = re.compile(r"([a-z_]+)\[(\d+)\]\.?|([a-z_]+)\.?")


@attrs.frozen
class Decision:
    """One rule that fired.

    Attributes:
        key: which entry of the scores it set; empty if it decided to set none.
        value: what it set.
        why: the rule and what it saw, in words.
    """

    key: str
    value: Any
    why: str


@attrs.frozen
class Match:
    """One fingerprint that was found.

    Attributes:
        where: path of the part inside ``test_keys``, such as ``requests[0].response.body``.
        offset: where in that part it begins: characters of text, bytes of a base64 body; None if that is unclear.
        excerpt: what stands there, with a few characters around it.
        confirms: whether it proves blocking in the country of the probe.
    """

    fingerprint: Fingerprint
    where: str
    offset: int | None
    excerpt: str
    confirms: bool


@attrs.frozen
class Explanation:
    """A verdict with everything that led to it.

    Attributes:
        outcome: what scoring says.
        test_name: as the measurement says; empty if it does not.
        rule: what the rules of this nettest do, in a sentence.
        decisions: the rules that fired, in order. Later ones may overrule earlier ones.
        matches: the fingerprints that were found, in order.
    """

    outcome: Outcome
    test_name: str = ""
    rule: str = ""
    decisions: tuple[Decision, ...] = ()
    matches: tuple[Match, ...] = ()


def decisions_of(scores: Scores) -> tuple[Decision, ...]:
    """Return what the rules noted while they scored."""
    return tuple(Decision(key, value, why) for key, value, why in scores.reasons)


def match_of(hit: Hit, test_keys: dict[str, Any], *, confirms: bool) -> Match:
    """Show *hit* in the test keys that it was found in."""
    value = _at(test_keys, hit.where)
    offset = _offset(hit.fingerprint, value)
    if isinstance(value, bytes):
        shown = value[max(0, (offset or 0) - _AROUND) :][: 2 * _AROUND + len(hit.fingerprint.pattern)]
        excerpt = shown.decode("utf-8", "replace")
    else:
        excerpt = value[max(0, (offset or 0) - _AROUND) :][: 2 * _AROUND + len(hit.fingerprint.pattern)]
    return Match(hit.fingerprint, hit.where, offset, excerpt, confirms)


def _at(test_keys: dict[str, Any], path: str) -> str | bytes:
    """Return the text or bytes at *path*; an empty text if there is something else."""
    value: Any = test_keys
    parent, _, header = path.partition(".headers.")
    for name, number, plain in _STEP.findall(parent):
        value = value[name or plain]
        value = value[int(number)] if number else value
    if header:
        value = (value.get("headers") or {}).get(header, "")
    elif isinstance(value, dict) and "body" not in path:
        value = next((value[key] for key in ("ipv4", "hostname", "ipv6") if key in value), "")
    try:
        found = body_bytes(value) if isinstance(value, dict) else value
    except (Lost, BadBase64):
        return ""
    return found if isinstance(found, str | bytes) else ""


def _offset(one: Fingerprint, value: str | bytes) -> int | None:
    offset = value.find(one.pattern) if isinstance(value, str) else value.find(as_bytes(one.pattern))
    if offset < 0 and one.pattern_type == "regexp" and isinstance(value, str):
        found = compiled(one.pattern).search(value)
        offset = found.start() if found else -1
    return offset if offset >= 0 else None

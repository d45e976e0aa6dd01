"""What the rules of a nettest write to: the scores object, with the reason for each entry."""

from typing import Any

ENGINE_VERSION = "1.0"
"""Raised when any rule set gives another verdict for the same bytes and fingerprints."""


class Lost(Exception):
    """The rules cannot make sense of this measurement. It goes to quarantine and gets no row.

    Attributes:
        kind: one of the words of `KINDS`.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


KINDS = {
    "bad_json": "the bytes are not a JSON document in UTF-8",
    "bad_envelope": "the document is not an object, or its envelope has an unknown format",
    "bad_yaml": "the envelope says YAML and the text is not",
    "missing": "a field that every row needs is absent",
    "bad_type": "a field holds another type of value than the rules read",
    "bad_value": "a field has the right type and a value no row can hold",
    "bad_base64": "a fingerprinted part says base64 and is not",
    "too_deep": "values are nested deeper than any real measurement",
}
"""Why a measurement is quarantined: the vocabulary of `Quarantined.kind`, stable across versions."""


class Scores(dict[str, Any]):
    """The scores object of one measurement, keys in the order in which the rules set them.

    Attributes:
        hits: fingerprints that were found, with the place of each.
        reasons: one entry per decision: the key, the value given to it, and the rule in words.
    """

    __slots__ = ("hits", "reasons")

    def __init__(self) -> None:
        super().__init__(
            blocking_general=0.0, blocking_global=0.0, blocking_country=0.0, blocking_isp=0.0, blocking_local=0.0
        )
        self.hits: list[Any] = []
        self.reasons: list[tuple[str, Any, str]] = []

    @classmethod
    def empty(cls, why: str) -> "Scores":
        """Return the scores of a nettest that is deliberately not scored: no key at all."""
        scores = cls()
        scores.clear()
        scores.reasons.append(("", None, why))
        return scores

    def give(self, key: str, value: Any, why: str) -> "Scores":
        """Set *key* because of the rule *why*."""
        self[key] = value
        self.reasons.append((key, value, why))
        return self

    def block(self, value: float, why: str) -> "Scores":
        """Set how much this measurement speaks for blocking; above 0.5 it is an anomaly."""
        return self.give("blocking_general", value, why)

    def distrust(self, why: str) -> "Scores":
        """Say that the measurement failed: whatever else it shows, it does not count."""
        return self.give("accuracy", 0.0, why)

"""Compares verdicts made here with verdicts that were published."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ooni_core.scoring import FastpathRow, Stored
from ooni_entrypoints.scoring_runs.output import row_columns

_COMPARED = frozenset(field.name for field in attrs.fields(FastpathRow)) | {"ruleset"}
_TRUE = frozenset({"t", "true", "1"})
_NULLS = frozenset({"", "\\N", "null", "None"})
# Tables keep run times as 32-bit numbers.
_SINGLE_PRECISION = 1e-6

Columns = Mapping[str, Any]


def comparable(row: Columns) -> dict[str, Any]:
    """Return *row* in one form, whether it comes from a CSV file, a database, an API answer or our own output."""
    columns = {"msm_failure" if name == "failure" else name: value for name, value in row.items()}
    return {name: _comparable(name, value) for name, value in columns.items() if name in _COMPARED}


def _comparable(name: str, value: Any) -> Any:
    read = _READ.get(name)
    if read is not None:
        return read(value)
    return "" if value is None else str(value)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in _TRUE


def _time(value: Any) -> str:
    return str(value)[:19].replace("T", " ")


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("anomaly", "confirmed", "msm_failure"), _flag),
    **dict.fromkeys(("test_start_time", "measurement_start_time"), _time),
    "scores": lambda value: json.loads(value) if isinstance(value, str) else value,
    "probe_asn": lambda value: int(str(value).upper().removeprefix("AS")),
    "test_runtime": lambda value: float(value or 0.0),
    "ooni_run_link_id": lambda value: None if value is None or str(value) in _NULLS else int(value),
}


@attrs.frozen
class Rescored:
    """What scoring here says about one published measurement.

    Attributes:
        source: where its body is.
        rows: by rule set, the row in comparable form, or None when that rule set makes no row.
        reasons: by rule set, why there is no row.
    """

    source: str
    measurement_uid: str
    rows: Mapping[str, Columns | None]
    reasons: Mapping[str, str]

    @classmethod
    def of(cls, source: str, outcomes: Mapping[str, Any]) -> "Rescored":
        """Make it of one outcome for each rule set."""
        rows = {
            name: comparable(row_columns(outcome.row)) if isinstance(outcome, Stored) else None
            for name, outcome in outcomes.items()
        }
        reasons = {name: getattr(outcome, "reason", "") for name, outcome in outcomes.items()}
        first = next(iter(outcomes.values()))
        uid = first.row.measurement_uid if isinstance(first, Stored) else first.measurement_uid
        return cls(source, uid, rows, reasons)


@attrs.frozen
class Difference:
    """One measurement whose published verdict none of the rule sets gives.

    Attributes:
        ruleset: the one that comes nearest.
        fields: for each field that differs, what was published and what scoring here gives.
    """

    measurement_uid: str
    source: str
    ruleset: str
    test_name: str
    probe_cc: str
    fields: Mapping[str, tuple[Any, Any]]


@attrs.define
class Comparison:
    """The result of an audit, counted as measurements come by."""

    measurements: int = 0
    agree: int = 0
    not_published: list[str] = attrs.field(factory=list)
    differing: list[Difference] = attrs.field(factory=list)
    by_field: Counter[str] = attrs.field(factory=Counter)
    by_test_name: dict[str, Counter[str]] = attrs.field(factory=lambda: defaultdict(Counter))
    by_probe_cc: dict[str, Counter[str]] = attrs.field(factory=lambda: defaultdict(Counter))
    by_ruleset: Counter[str] = attrs.field(factory=Counter)

    def add(self, ours: Rescored, published: Columns | None) -> None:
        """Compare one measurement with its published row, None when it has none."""
        self.measurements += 1
        if published is None:
            if any(row is not None for row in ours.rows.values()):
                self.not_published.append(ours.measurement_uid)
            else:
                self.agree += 1
            return
        candidates = _candidates(ours, published)
        found = {name: dict(_differences(published, ours, name)) for name in candidates}
        for name, fields in found.items():
            self.by_ruleset[name] += not fields
        self._count(ours, published, min(found.items(), key=lambda item: len(item[1])))

    def _count(self, ours: Rescored, published: Columns, nearest: tuple[str, Mapping[str, Any]]) -> None:
        ruleset, fields = nearest
        test_name, cc = str(published.get("test_name", "")), str(published.get("probe_cc", ""))
        word = "differ" if fields else "agree"
        self.by_test_name[test_name][word] += 1
        self.by_probe_cc[cc][word] += 1
        if not fields:
            self.agree += 1
            return
        self.by_field.update(list(fields))
        self.differing.append(Difference(ours.measurement_uid, ours.source, ruleset, test_name, cc, fields))

    @property
    def is_clean(self) -> bool:
        """Say whether every published verdict is what scoring here gives."""
        return not self.differing and not self.not_published

    def as_json(self) -> dict[str, Any]:
        """Return everything for a machine."""
        return {
            "measurements": self.measurements,
            "agree": self.agree,
            "differ": len(self.differing),
            "not_published": self.not_published,
            "by_field": dict(self.by_field.most_common()),
            "by_test_name": {name: dict(counts) for name, counts in sorted(self.by_test_name.items())},
            "by_probe_cc": {name: dict(counts) for name, counts in sorted(self.by_probe_cc.items())},
            "by_ruleset": dict(self.by_ruleset.most_common()),
            "differing": [attrs.asdict(difference) for difference in self.differing],
        }


def _candidates(ours: Rescored, published: Columns) -> Sequence[str]:
    """Return the rule sets that may have made the published row: the one it names, or else all."""
    named = str(published.get("ruleset", ""))
    return [named] if named in ours.rows else list(ours.rows)


def _differences(published: Columns, ours: Rescored, ruleset: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    row = ours.rows[ruleset]
    if row is None:
        yield "outcome", ("stored", ours.reasons[ruleset])
        return
    for name in row.keys() & published.keys():
        if not same(published[name], row[name], name):
            yield name, _different_parts(published[name], row[name])


def _different_parts(a: Any, b: Any) -> tuple[Any, Any]:
    """Return of two objects only the entries that differ."""
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return a, b
    keys = [key for key in [*a, *(key for key in b if key not in a)] if not same(a.get(key), b.get(key))]
    return {key: a[key] for key in keys if key in a}, {key: b[key] for key in keys if key in b}


def same(a: Any, b: Any, field: str = "") -> bool:
    """Say whether two values mean the same: numbers by value, objects by content, key order left aside."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=_SINGLE_PRECISION if field == "test_runtime" else 1e-9, abs_tol=1e-12)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def compare(rescored: Iterable[Rescored], published: Mapping[str, Columns], comparison: Comparison) -> None:
    """Compare several measurements with published rows by uid."""
    for ours in rescored:
        row = published.get(ours.measurement_uid)
        comparison.add(ours, None if row is None else comparable(row))

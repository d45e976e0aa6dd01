"""How questions of the catalog become SQL: conditions, axes and where the rows come from."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from ooni_adapters.sql.dialect import Dialect
from ooni_core.catalog.model import (
    UNKNOWN_COUNTRY,
    UNKNOWN_NETWORK,
    Axis,
    CategoryFilter,
    CountQuery,
    Grain,
    MeasurementFilter,
)

_LISTS = {
    "inputs": "input",
    "domains": "domain",
    "probe_ccs": "probe_cc",
    "probe_asns": "probe_asn",
    "test_names": "test_name",
    "software_versions": "software_version",
    "test_versions": "test_version",
    "engine_versions": "engine_version",
    "ooni_run_link_ids": "ooni_run_link_id",
}
_FLAGS = {"anomaly": "anomaly", "confirmed": "confirmed", "failure": "msm_failure"}


@attrs.frozen
class Condition:
    """A piece of a WHERE clause, and the values it mentions by name."""

    sql: str
    params: dict[str, Any] = attrs.field(factory=dict)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Join *conditions* with AND; none at all is true."""
    params = {name: value for condition in conditions for name, value in condition.params.items()}
    return Condition(" AND ".join(condition.sql for condition in conditions) or "true", params)


def conditions(filter: MeasurementFilter) -> list[Condition]:
    """Write *filter* as conditions on the columns of ``fastpath``."""
    return [*_window(filter), *_fields(filter), *_places(filter), *_category(filter.category)]


def _window(filter: MeasurementFilter) -> Iterator[Condition]:
    if filter.window.start is not None:
        yield Condition("measurement_start_time >= $start", {"start": filter.window.start})
    if filter.window.end is not None:
        yield Condition("measurement_start_time < $end", {"end": filter.window.end})


def _fields(filter: MeasurementFilter) -> Iterator[Condition]:
    if filter.report_id is not None:
        yield Condition("report_id = $report_id", {"report_id": filter.report_id})
    for name, column in _LISTS.items():
        values = getattr(filter, name)
        if len(values) == 1:
            yield Condition(f"{column} = ${name}", {name: values[0]})
        elif values:
            yield Condition(f"{column} IN ${name}", {name: list(values)})
    for name, column in _FLAGS.items():
        value = getattr(filter, name)
        if value is not None:
            yield Condition(f"{column} = ${name}", {name: "t" if value else "f"})


def _places(filter: MeasurementFilter) -> Iterator[Condition]:
    if filter.known_country:
        yield Condition("probe_cc <> $unknown_country", {"unknown_country": UNKNOWN_COUNTRY})
    if filter.known_network:
        yield Condition("probe_asn <> $unknown_network", {"unknown_network": UNKNOWN_NETWORK})


def _category(category: CategoryFilter | None) -> Iterator[Condition]:
    if category is not None:
        listed = all_of(_listed(category))
        yield Condition(f"input IN (SELECT url FROM citizenlab WHERE {listed.sql})", listed.params)  # noqa: S608


def _listed(category: CategoryFilter | None) -> list[Condition]:
    """Write which entries of the test lists count. Old imports have the names of national lists in lower case."""
    if category is None:
        return []
    found = [Condition("category_code = $category", {"category": category.code})]
    if category.lists is not None:
        found.append(Condition("upper(cc) IN $lists", {"lists": sorted(category.lists)}))
    return found


def axis_expression(axis: Axis, grain: Grain, dialect: Dialect, instant: str = "measurement_start_time") -> str:
    """Write the value of *axis* for one row."""
    return dialect.bucket(grain.value, instant) if axis is Axis.DAY else axis.value


def source_of(query: CountQuery, table: str) -> Condition:
    """Write where rows come from: *table*, once per category of the input when categories are an axis."""
    if Axis.CATEGORY not in query.axes:
        return Condition(table)
    listed = all_of(_listed(query.filter.category))
    categories = f"(SELECT DISTINCT url, category_code FROM citizenlab WHERE {listed.sql})"  # noqa: S608
    return Condition(f"{table} INNER JOIN {categories} AS listed ON {table}.input = listed.url", listed.params)

"""Counts per day, so that charts stay fast as history grows. Everything here can be computed anew from ``fastpath``.

Which dimensions they have follows from real cardinalities; ``docs/contributors/storage.md`` has the figures, and
``python -m benchmarks cardinality`` computes them.
"""

from ooni_adapters.sql.schema import Column, Kind, Rule, Table

_COUNTERS = tuple(
    Column(name, Kind.INT64)
    for name in ("anomalies", "confirmations", "failures", "measurements", "anomaly_flags", "confirmed_flags")
)


def _rollup(name: str, doc: str, *dimensions: Column) -> Table:
    return Table(
        name=name,
        doc=doc,
        columns=(Column("day", Kind.DATE), *dimensions, Column("build", Kind.LABEL), *_COUNTERS),
        key=(*(column.name for column in dimensions), "day", "build"),
        rule=Rule.APPEND,
    )


_PLACE = Column("probe_cc", Kind.LABEL)
_TEST = Column("test_name", Kind.LABEL)

ROLLUP_PLACES = _rollup("rollup_places", "measurements per day and country", _PLACE)
ROLLUP_COUNTRIES = _rollup(
    "rollup_countries",
    "measurements per day, country, nettest and blocking type",
    _PLACE,
    _TEST,
    Column("blocking_type", Kind.LABEL),
)
ROLLUP_NETWORKS = _rollup(
    "rollup_networks", "measurements per day, network and nettest", Column("probe_asn", Kind.UINT32), _PLACE, _TEST
)
ROLLUP_DOMAINS = _rollup(
    "rollup_domains", "measurements per day, domain, country and nettest", Column("domain", Kind.TEXT), _PLACE, _TEST
)

ROLLUP_UNITS = Table(
    name="rollup_units",
    doc="which build of the rollups counts for each day of arrival, and what all of them know",
    columns=(
        Column("unit", Kind.TEXT),
        Column("build", Kind.TEXT),
        Column("open_from", Kind.TEXT),
        Column("seen_until", Kind.TIME_MS),
        Column("open_since", Kind.TIME_MS),
    ),
    key=("unit",),
)

ROLLUPS = (ROLLUP_PLACES, ROLLUP_COUNTRIES, ROLLUP_NETWORKS, ROLLUP_DOMAINS)
"""The smallest first: the first that has all the dimensions asked for answers."""

ROLLUP_TABLES = (*ROLLUPS, ROLLUP_UNITS)

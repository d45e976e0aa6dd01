"""Counts per day, so that charts stay fast as history grows. Everything here can be computed anew from ``fastpath``.

Dimensions follow real cardinalities: a day has some hundred pairs of country and nettest, some thousand with networks,
some ten thousand with domains, while inputs are nearly as many as measurements and are therefore not rolled up.
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
        columns=(Column("day", Kind.DATE), *dimensions, Column("build", Kind.INT64), *_COUNTERS),
        key=(*(column.name for column in dimensions), "day", "build"),
        rule=Rule.APPEND,
    )


_PLACE = Column("probe_cc", Kind.LABEL)
_TEST = Column("test_name", Kind.LABEL)

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

ROLLUP_DAYS = Table(
    name="rollup_days",
    doc="which build of the rollups counts for each day",
    columns=(Column("day", Kind.DATE), Column("build", Kind.INT64)),
    key=("day",),
)

ROLLUP_PROGRESS = Table(
    name="rollup_progress",
    doc="up to which update_time the rollups know the fastpath table",
    columns=(Column("name", Kind.TEXT), Column("seen_until", Kind.TIME_MS)),
    key=("name",),
)

ROLLUPS = (ROLLUP_COUNTRIES, ROLLUP_NETWORKS, ROLLUP_DOMAINS)
ROLLUP_TABLES = (*ROLLUPS, ROLLUP_DAYS, ROLLUP_PROGRESS)

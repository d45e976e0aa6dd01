"""Tables in which the database keeps track of itself."""

from ooni_adapters.sql.schema import Column, Kind, Table

SCHEMA_MIGRATIONS = Table(
    name="schema_migrations",
    doc="numbered changes of the schema that were applied",
    columns=(
        Column("version", Kind.UINT32),
        Column("name", Kind.TEXT),
        Column("checksum", Kind.TEXT),
        Column("applied_at", Kind.TIME_MS, stamped=True),
        Column("component", Kind.LABEL),
        Column("duration_ms", Kind.UINT32),
    ),
    key=("version",),
)

STORED_BATCHES = Table(
    name="stored_batches",
    doc="keys of batches that were stored, so that a retry adds nothing",
    columns=(
        Column("table_name", Kind.LABEL),
        Column("batch_key", Kind.TEXT),
        Column("rows", Kind.UINT32),
        Column("stored_at", Kind.TIME_MS, stamped=True),
    ),
    key=("table_name", "batch_key"),
)

DATASET_VERSIONS = Table(
    name="dataset_versions",
    doc="which content each replaced table has had",
    columns=(
        Column("name", Kind.LABEL),
        Column("activated_at", Kind.TIME_MS, stamped=True),
        Column("sha256", Kind.TEXT),
        Column("rows", Kind.UINT64),
    ),
    key=("name", "activated_at"),
)

CORRECTIONS = Table(
    name="corrections",
    doc="every manual change of published results: who, what, why",
    columns=(
        Column("time", Kind.TIME_MS, stamped=True),
        Column("operator", Kind.TEXT),
        Column("sql", Kind.TEXT),
        Column("reason", Kind.TEXT),
        Column("rows", Kind.UINT64),
    ),
    key=("time", "operator", "sql"),
)

OPERATIONS_TABLES = (SCHEMA_MIGRATIONS, STORED_BATCHES, DATASET_VERSIONS, CORRECTIONS)

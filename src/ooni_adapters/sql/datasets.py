"""Content that others publish and that is replaced as a whole: lists, fingerprints, network names."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from ooni_adapters.sql.batches import complete_batch
from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import EPOCH, Table
from ooni_adapters.sql.tables import DATASET_VERSIONS, PREVIOUS
from ooni_core.errors import Invalid

Content = pa.Table | Sequence[Mapping[str, Any]]


def activate(engine: SqlEngine, contents: Mapping[Table, Content]) -> None:
    """Put new content in place, keep the current one for ``roll_back``, and record what was activated.

    Raises:
        Invalid: a row does not fit; nothing was changed.
        Unavailable: the database failed; each table has its old or its new content.
    """
    versions = [_version(table, rows) for table, rows in contents.items()]
    with engine.transaction():
        engine.replace(contents)
        engine.insert(DATASET_VERSIONS, versions)


def roll_back(engine: SqlEngine, tables: Sequence[Table]) -> None:
    """Bring the previous content of *tables* back; doing it again undoes it.

    Raises:
        Invalid: a table keeps no previous content.
    """
    for table in tables:
        if table not in PREVIOUS:
            raise Invalid(f"{table.name} keeps no previous content")
    activate(engine, {table: _rows(engine, table, PREVIOUS[table].name) for table in tables})


def is_as_activated(engine: SqlEngine, contents: Mapping[Table, Content]) -> bool:
    """Say whether each of *contents*, as it was read, is what was activated last."""
    names = {"names": [table.name for table in contents]}
    sql = "SELECT name, sha256 FROM dataset_versions WHERE name IN $names ORDER BY activated_at"
    latest = dict(engine.query(sql, names).tuples)
    return all(
        table.name in latest and latest[table.name] == _version(table, rows)["sha256"]
        for table, rows in contents.items()
    )


def _rows(engine: SqlEngine, table: Table, name: str) -> list[dict[str, Any]]:
    columns = ", ".join(table.column_names)
    order = ", ".join(table.key)
    return engine.query(f"SELECT {columns} FROM {name} ORDER BY {order}", limits=UNLIMITED).dicts()  # noqa: S608


def _version(table: Table, rows: Content) -> dict[str, Any]:
    whole = complete_batch(table, rows, EPOCH)
    lines = sorted(orjson.dumps(list(row.values()), default=str) for row in whole.to_pylist())
    return {"name": table.name, "sha256": hashlib.sha256(b"\n".join(lines)).hexdigest(), "rows": whole.num_rows}

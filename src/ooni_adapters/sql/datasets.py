"""Content that others publish and that is replaced as a whole: lists, fingerprints, network names."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables import DATASET_VERSIONS, PREVIOUS
from ooni_core.errors import Invalid


def activate(engine: SqlEngine, contents: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
    """Put new content in place, keep the current one for ``roll_back``, and record what was activated.

    Raises:
        Invalid: a row does not fit; nothing was changed.
        Unavailable: the database failed; each table has its old or its new content.
    """
    with engine.transaction():
        engine.replace(contents)
        engine.insert(DATASET_VERSIONS, [_version(table, rows) for table, rows in contents.items()])


def roll_back(engine: SqlEngine, tables: Sequence[Table]) -> None:
    """Bring the previous content of *tables* back; doing it again undoes it.

    Raises:
        Invalid: a table keeps no previous content.
    """
    for table in tables:
        if table not in PREVIOUS:
            raise Invalid(f"{table.name} keeps no previous content")
    activate(engine, {table: _rows(engine, table, PREVIOUS[table].name) for table in tables})


def _rows(engine: SqlEngine, table: Table, name: str) -> list[dict[str, Any]]:
    columns = ", ".join(table.column_names)
    order = ", ".join(table.key)
    return engine.query(f"SELECT {columns} FROM {name} ORDER BY {order}", limits=UNLIMITED).dicts()  # noqa: S608


def _version(table: Table, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lines = sorted(orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS, default=str) for row in rows)
    return {"name": table.name, "sha256": hashlib.sha256(b"\n".join(lines)).hexdigest(), "rows": len(rows)}

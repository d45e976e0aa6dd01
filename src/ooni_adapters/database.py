"""Opening the database that a URL names. Engines are imported only when their URL asks for them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.migrations import migrate, require_declared_schema
from ooni_core.errors import Invalid, Unavailable

_SHAPES = (
    "expected duckdb:///folder/file, duckdb://:memory:, chdb:///folder or clickhouse://user:password@host:8123/name"
)


def open_database(url: str, now: Callable[[], datetime] | None = None, *, prepare: bool = True) -> SqlEngine:
    """Open the database at *url*.

    Args:
        url: ``duckdb:///var/lib/ooni/ooni.duckdb``, ``duckdb://:memory:``, ``chdb:///var/lib/ooni/ch`` (embedded
            ClickHouse) or ``clickhouse://user:password@host:8123/ooni``.
        now: the instant that stamped columns get, naive UTC; the system's clock when not given.
        prepare: apply pending migrations, and make sure that the schema is the declared one.

    Raises:
        Invalid: the URL names no engine we have.
        Conflict: another process holds the file, or the schema is newer than this program or not as declared.
        Unavailable: the database does not answer, or the extra it needs is not installed.
    """
    parts = urlsplit(url)
    opener = _OPENERS.get(parts.scheme)
    if opener is None:
        raise Invalid(f"storage.database is {url[:200]!r}: {_SHAPES}")
    engine = opener(url, {} if now is None else {"now": now})
    if prepare:
        try:
            migrate(engine)
            require_declared_schema(engine)
        except BaseException:
            engine.close()
            raise
    return engine


def _open_duckdb(url: str, options: dict[str, Callable[[], datetime]]) -> SqlEngine:
    try:
        from ooni_adapters.duckdb import DuckDbEngine
    except ImportError as exc:
        raise Unavailable(f"DuckDB is not installed: pip install 'ooni-backend[service]' ({exc})") from exc
    location = url.removeprefix("duckdb://")
    if location in {":memory:", "/:memory:"}:
        return DuckDbEngine(None, **options)
    if not location.startswith("/"):
        raise Invalid(f"storage.database is {url[:200]!r}: write three slashes before a file, {_SHAPES}")
    return DuckDbEngine(_folder_made(Path(location)), **options)


def _folder_made(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise Unavailable(f"cannot make the folder of the database {path}: {exc.strerror}") from exc
    return path


def _open_clickhouse(url: str, options: dict[str, Callable[[], datetime]]) -> SqlEngine:
    try:
        from ooni_adapters.clickhouse import ClickHouseEngine
    except ImportError as exc:
        raise Unavailable(f"ClickHouse is not installed: pip install 'ooni-backend[clickhouse]' ({exc})") from exc
    return ClickHouseEngine(url, **options)


_OPENERS: dict[str, Callable[[str, dict[str, Callable[[], datetime]]], SqlEngine]] = {
    "duckdb": _open_duckdb,
    "chdb": _open_clickhouse,
    "clickhouse": _open_clickhouse,
    "clickhouses": _open_clickhouse,
}

"""``ooni schema``: create, show, check and migrate the tables."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs
import click

from ooni_core.errors import Invalid
from ooni_entrypoints.cli import Invocation

if TYPE_CHECKING:
    from ooni_adapters.sql.engine import SqlEngine

_cluster = click.option(
    "--cluster", metavar="NAME", help="ClickHouse: Replicated tables and Distributed reads on NAME."
)


@click.group()
def command() -> None:
    """Create, show, check and migrate the tables of the database.

    \b
    Example:  ooni schema check
    """


@command.command()
@_cluster
@click.pass_obj
def create(invocation: Invocation, cluster: str | None) -> None:
    """Make the tables that are missing. `ooni serve` does this by itself."""
    _migrate(invocation, cluster)


@command.command()
@_cluster
@click.option("--plan", is_flag=True, help="Only say what would be done.")
@click.pass_obj
def migrate(invocation: Invocation, cluster: str | None, *, plan: bool) -> None:
    """Apply the numbered changes that the database has not had yet."""
    if not plan:
        _migrate(invocation, cluster)
        return
    from ooni_adapters.sql.migrations import pending

    with _unprepared(invocation, cluster) as engine:
        todo = pending(engine)
    for migration in todo:
        click.echo(f"{migration.version}  {migration.name}")
    click.echo(f"{len(todo)} to apply" if todo else "nothing to apply", err=True)


@command.command()
@click.argument("tables", nargs=-1)
@click.option("--engine", type=click.Choice(["duckdb", "clickhouse"]), help="Whose SQL; default: that of the settings.")
@_cluster
@click.pass_obj
def show(invocation: Invocation, tables: tuple[str, ...], engine: str | None, cluster: str | None) -> None:
    """Print the SQL that makes TABLES, or all of them, without touching a database."""
    from ooni_adapters.sql.tables import TABLES

    for name in tables or sorted(TABLES):
        if name not in TABLES:
            raise Invalid(f"there is no table {name!r}; there are {', '.join(sorted(TABLES))}")
        click.echo(f"-- {name}: {TABLES[name].doc}")
        for statement in _dialect(invocation, engine, cluster).create(TABLES[name]):
            click.echo(f"{statement};")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> None:
    """Compare the live database with the declaration. Exit code 0: equal, 1: different."""
    from ooni_adapters.sql.preparing import differences

    with _unprepared(context.obj, None) as engine:
        found = differences(engine)
    if as_json:
        click.echo(json.dumps([attrs.asdict(difference) for difference in found], indent=2))
    else:
        for difference in found:
            click.echo(difference.text)
        click.echo(f"{len(found)} differences" if found else "the database is as declared", err=True)
    context.exit(1 if found else 0)


def _migrate(invocation: Invocation, cluster: str | None) -> None:
    from ooni_adapters.sql.migrations import migrate as apply_pending

    with _unprepared(invocation, cluster) as engine:
        done = apply_pending(engine)
    for migration in done:
        click.echo(f"applied {migration.version}: {migration.name}", err=True)
    if not done:
        click.echo("the database is up to date", err=True)


def _dialect(invocation: Invocation, engine: str | None, cluster: str | None):  # noqa: ANN202 - a Dialect
    from ooni_entrypoints.storage import database_url

    scheme = engine or urlsplit(database_url(invocation.settings)).scheme
    if scheme == "duckdb" and cluster is None:
        from ooni_adapters.duckdb.dialect import DuckDbDialect

        return DuckDbDialect()
    from ooni_adapters.clickhouse.dialect import ClickHouseDialect

    return ClickHouseDialect(cluster)


@contextmanager
def _unprepared(invocation: Invocation, cluster: str | None) -> Iterator["SqlEngine"]:
    """Open the database of the settings as it is."""
    from ooni_adapters.database import open_database
    from ooni_entrypoints.storage import database_url

    url = database_url(invocation.settings)
    if cluster is not None:
        parts = urlsplit(url)
        if parts.scheme != "clickhouse":
            raise Invalid(f"--cluster is for clickhouse:// databases, storage.database is {parts.scheme}://")
        url = urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), ("cluster", cluster)])))
    engine = open_database(url, prepare=False)
    try:
        yield engine
    finally:
        engine.close()

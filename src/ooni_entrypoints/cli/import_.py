"""``ooni import``: load a file into a table."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import click

from ooni_entrypoints.cli import Invocation


def _import_geoip(invocation: Invocation, path: Path) -> str:
    from ooni_adapters.geoip import build_mmdb
    from ooni_entrypoints.probe_services import geoip_folder

    target = geoip_folder(invocation.settings)
    return f"built the database of {build_mmdb(path, target)} networks in {target}"


# Names that are no table of the database, and what loads them.
_OTHER_IMPORTERS: dict[str, Callable[[Invocation, Path], str]] = {"geoip": _import_geoip}


@click.command(name="import")
@click.argument("table")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Put the rows in place of the table's content; readers see old or new.")
@click.pass_obj
def command(invocation: Invocation, table: str, file: Path, *, replace: bool) -> None:
    """Load FILE into TABLE, all of it or nothing.

    FILE is .csv (with a header line), .jsonl or .parquet, also with .gz. Columns go by their names; those the file
    lacks get their default. A row whose key is stored already replaces it. TABLE is one that `ooni schema show` lists,
    or geoip: a CSV of network,cc,asn,as_name from which the GeoIP database in probes.geoip_dir is built.

    \b
    Example:  ooni import fastpath rows.csv.gz
    """
    other = _OTHER_IMPORTERS.get(table)
    if other is not None:
        click.echo(other(invocation, file), err=True)
        return
    click.echo(_import_table(invocation, table, file, replace=replace), err=True)


def _import_table(invocation: Invocation, name: str, file: Path, *, replace: bool) -> str:
    from ooni_adapters.sql.catalog_rollups import SqlRollups
    from ooni_adapters.sql.importing import import_file
    from ooni_adapters.sql.tables import FASTPATH, TABLES
    from ooni_entrypoints.storage import open_storage

    if name not in TABLES:
        raise click.BadParameter(f"there is no table {name!r}; choose one of {', '.join(sorted([*TABLES, 'geoip']))}")
    with open_storage(invocation.settings) as storage:
        now = storage.clock.now().astimezone(UTC).replace(tzinfo=None)
        count = import_file(storage.engine, TABLES[name], file, now, replace=replace)
        if name == FASTPATH.name:
            # A file may say when its rows were updated, or replace others: nothing else would tell the charts.
            SqlRollups(storage.engine, storage.clock).forget()
    if count is None:
        return f"{file} was added to {name} before; nothing was changed (--replace loads it anew)"
    return f"loaded {count} rows into {name}"

"""``ooni restore``: copy a backup into a database."""

import re
import sys
from typing import TYPE_CHECKING

import click

from ooni_entrypoints.cli import Invocation

if TYPE_CHECKING:
    from ooni_adapters.backup import Progress

_MONTHS = re.compile(r"([0-9]{6})\.\.([0-9]{6})")


def _months(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    match = _MONTHS.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a range of months such as 202401..202412")
    return match[1], match[2]


@click.command("restore")
@click.argument("run", default="latest")
@click.option(
    "--set",
    "set_name",
    type=click.Choice(["private", "public"]),
    default="private",
    show_default=True,
    help="Which set.",
)
@click.option("--from", "url", default="", help="Object store URL. Default: backup.private or backup.public.")
@click.option("--table", "tables", multiple=True, help="Only this table; repeatable. Default: all of the backup.")
@click.option("--months", callback=_months, help="Only measurements received in these months, as 202401..202412.")
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    set_name: str,
    url: str,
    tables: tuple[str, ...],
    months: tuple[str, str] | None,
) -> None:
    """Copy the backup RUN into the configured database, whichever engine that is, and compare every row.

    The tables must be empty. A restore that was interrupted goes on where it was when it is asked for again. Rollups
    behind charts are not in backups; they are made anew from the measurements.

    \b
    Example:  ooni --set storage.database=duckdb:////tmp/restored.duckdb restore latest --from s3://private-bucket/ooni
    """
    from ooni_adapters.backup import Restorer
    from ooni_adapters.sql.tables import TABLES
    from ooni_entrypoints.backups import open_catalog
    from ooni_entrypoints.storage import open_storage

    catalog = open_catalog(invocation.settings, set_name, url)
    manifest = catalog.manifest(run)
    with open_storage(invocation.settings) as storage:
        rows = Restorer(storage.engine, catalog, TABLES, _shown).run(manifest, tables, months)
    click.echo(f"restored {rows} rows from {set_name} backup {manifest.run}, each compared with the backup")


def _shown(progress: "Progress") -> None:
    if sys.stderr.isatty():
        click.echo(f"{progress.what}: {progress.rows} rows", err=True)

"""``ooni backup``: copy the tables of the database into an object store."""

import sys
from typing import TYPE_CHECKING, Any

import click

from ooni_entrypoints.cli import Invocation

if TYPE_CHECKING:
    from ooni_adapters.backup import Progress

_SET = click.option(
    "--set",
    "set_name",
    type=click.Choice(["private", "public"]),
    default="private",
    show_default=True,
    help="private: every table. public: what anybody may have, with its CSV files.",
)
_TO = click.option("--at", "url", default="", help="Object store URL. Default: backup.private or backup.public.")


@click.group("backup", invoke_without_command=True)
@_SET
@_TO
@click.option("--table", "tables", multiple=True, help="Only this table; repeatable. Default: all of the set.")
@click.option("--full", is_flag=True, help="Copy what has not changed since the last backup too.")
@click.option("--keep", type=click.IntRange(0), default=0, help="Afterwards forget all but this many backups.")
@click.pass_context
def command(ctx: click.Context, set_name: str, url: str, tables: tuple[str, ...], full: bool, keep: int) -> None:  # noqa: FBT001
    """Copy tables into an object store, verify every object, then write a manifest.

    Parts that have not changed since the last backup are not copied again. A backup without a manifest does not exist:
    when anything fails, the exit status is 1 and the earlier backups are as they were. While `ooni serve` runs on the
    same data folder, it does the work.

    \b
    Example:  ooni backup --set private --at s3://private-bucket/ooni --keep 30
    """
    if ctx.invoked_subcommand is not None:
        return
    done = _backed_up(ctx.obj, {"set": set_name, "url": url, "tables": list(tables), "full": full, "keep": keep})
    click.echo(
        "{set} backup {run}: {rows} rows of {tables} tables in {chunks} parts, {copied} of them copied now,"
        " {exports} exported files, {bytes} bytes uploaded".format_map(done)
    )


def _backed_up(invocation: Invocation, what: dict[str, Any]) -> dict[str, Any]:
    from ooni_entrypoints.backups import make_backup, open_catalog, summary
    from ooni_entrypoints.control import NOBODY, ask
    from ooni_entrypoints.storage import open_storage

    settings = invocation.settings
    told = ask(settings.storage.data_dir, "backup", **what)
    if told is not NOBODY:
        done: dict[str, Any] = told
        return done
    with open_storage(settings) as storage:
        catalog = open_catalog(settings, what["set"], what["url"])
        manifest = make_backup(
            storage.engine,
            storage.clock,
            catalog,
            what["tables"],
            full=what["full"],
            keep=what["keep"],
            progress=_shown,
        )
        return summary(manifest)


def _shown(progress: "Progress") -> None:
    if sys.stderr.isatty():
        state = f"{progress.bytes} bytes" if progress.bytes else "not changed"
        click.echo(f"{progress.what}: {progress.rows} rows, {state}", err=True)


@command.command("list")
@_SET
@_TO
@click.pass_obj
def list_runs(invocation: Invocation, set_name: str, url: str) -> None:
    """List the backups there are, oldest first.

    \b
    Example:  ooni backup list --set private
    """
    from ooni_entrypoints.backups import open_catalog, summary

    catalog = open_catalog(invocation.settings, set_name, url)
    for run in catalog.runs():
        click.echo("{run}  {rows} rows of {tables} tables in {chunks} parts".format_map(summary(catalog.manifest(run))))


@command.command("verify")
@click.argument("run", default="latest")
@_SET
@_TO
@click.pass_obj
def verify(invocation: Invocation, run: str, set_name: str, url: str) -> None:
    """Read every object of the backup RUN again and compare it with the manifest.

    \b
    Example:  ooni backup verify latest
    """
    from ooni_entrypoints.backups import open_catalog

    catalog = open_catalog(invocation.settings, set_name, url)
    manifest = catalog.manifest(run)
    problems = list(catalog.verify(manifest))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise click.ClickException(f"{len(problems)} objects of backup {manifest.run} are missing or damaged")
    click.echo(f"backup {manifest.run} is whole: {sum(table.rows for table in manifest.tables)} rows")

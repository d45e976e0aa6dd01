"""``ooni quarantine``: measurements that could not be scored."""

import click
import orjson

from ooni_entrypoints.cli import Invocation


@click.group("quarantine")
def command() -> None:
    """Look at measurements that were kept and published but could not be scored."""


@command.command("list")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="Most entries to print.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_entries(invocation: Invocation, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Print each one with its reason, newest first.

    \b
    Example:  ooni quarantine list --json
    """
    from ooni_entrypoints.composition import open_storage

    with open_storage(invocation.settings) as storage:
        for entry in storage.quarantine.entries(limit):
            if as_json:
                fields = {"measurement_uid": entry.measurement_uid, "kind": entry.kind, "reason": entry.reason}
                click.echo(orjson.dumps(fields).decode())
            else:
                click.echo(f"{entry.measurement_uid}  {entry.kind}  {entry.reason}")

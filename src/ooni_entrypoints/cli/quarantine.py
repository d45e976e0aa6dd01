"""``ooni quarantine``: measurements that could not be scored."""

from typing import Any

import attrs
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
    for entry in _entries(invocation, limit):
        if as_json:
            click.echo(orjson.dumps(entry).decode())
        else:
            click.echo("{measurement_uid}  {kind}  {reason}".format_map(entry))


def _entries(invocation: Invocation, limit: int) -> list[dict[str, Any]]:
    from ooni_entrypoints.control import NOBODY, ask
    from ooni_entrypoints.storage import open_storage

    told = ask(invocation.settings.storage.data_dir, "quarantine", limit=limit)
    if told is not NOBODY:
        entries: list[dict[str, Any]] = told
        return entries
    with open_storage(invocation.settings) as storage:
        return [attrs.asdict(entry) for entry in storage.quarantine.entries(limit)]

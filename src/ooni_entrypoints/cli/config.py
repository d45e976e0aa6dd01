"""``ooni config``: what is set, and where it was set."""

from datetime import datetime
from typing import Any

import click

from ooni_entrypoints.cli import Invocation
from ooni_entrypoints.settings import Settings, leaves


@click.group("config")
def command() -> None:
    """Look at the settings."""


@command.command("show")
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Print every effective setting and where it came from; secrets are hidden.

    \b
    Example:  ooni --config ooni.toml config show
    """
    loaded = invocation.loaded
    for leaf in leaves():
        value = getattr(getattr(loaded.settings, leaf.section), leaf.name)
        shown = "(hidden)" if leaf.secret and value else written(value)
        click.echo(f"{leaf.key} = {shown}  # {loaded.origins[leaf.key]}")


@command.command("reference")
def reference() -> None:
    """Print the table of all settings that stands in the documentation."""
    click.echo(reference_table())


def reference_table() -> str:
    """Return all settings as a Markdown table: name, variable, default and meaning."""
    lines = ["| setting | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for leaf in leaves():
        default = getattr(getattr(Settings(), leaf.section), leaf.name)
        lines.append(f"| `{leaf.key}` | `{leaf.variable}` | `{written(default)}` | {leaf.help} |")
    return "\n".join(lines)


def written(value: Any) -> str:
    """Write *value* as a TOML file would."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    return f'"{value.isoformat() if isinstance(value, datetime) else value}"'

"""``ooni version``."""

import importlib.metadata

import click


@click.command("version")
def command() -> None:
    """Print the version of this installation."""
    click.echo(importlib.metadata.version("ooni-backend"))

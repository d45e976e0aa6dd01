"""The command line ``ooni``: one module per command, imported only when it is called."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from ooni_core.errors import OoniError

if TYPE_CHECKING:
    from ooni_entrypoints.settings import Loaded, Settings

# Command name -> module that exports ``command``.
COMMANDS = {
    "account": "ooni_entrypoints.cli.account",
    "audit": "ooni_entrypoints.cli.audit",
    "backup": "ooni_entrypoints.cli.backup",
    "config": "ooni_entrypoints.cli.config",
    "explain": "ooni_entrypoints.cli.explain",
    "fastpath": "ooni_entrypoints.cli.fastpath",
    "fingerprints": "ooni_entrypoints.cli.fingerprints",
    "import": "ooni_entrypoints.cli.import_",
    "log": "ooni_entrypoints.cli.log",
    "publish": "ooni_entrypoints.cli.publish",
    "quarantine": "ooni_entrypoints.cli.quarantine",
    "rebuild": "ooni_entrypoints.cli.rebuild",
    "reprocess": "ooni_entrypoints.cli.reprocess",
    "restore": "ooni_entrypoints.cli.restore",
    "run": "ooni_entrypoints.cli.run",
    "schema": "ooni_entrypoints.cli.schema",
    "score": "ooni_entrypoints.cli.score",
    "serve": "ooni_entrypoints.cli.serve",
    "submit": "ooni_entrypoints.cli.submit",
    "sync": "ooni_entrypoints.cli.sync",
    "tor-targets": "ooni_entrypoints.cli.tor_targets",
    "version": "ooni_entrypoints.cli.version",
    "withdraw": "ooni_entrypoints.cli.withdraw",
}

# What to install when an import fails: the base install has no service, no database and no network library.
_EXTRAS = {"s3fs": "s3", "chdb": "clickhouse", "clickhouse_connect": "clickhouse", "distributed": "distributed"}


@attrs.define
class Invocation:
    """What every command gets: the settings, read when first asked for."""

    config: Path | None
    flags: dict[str, str]
    _loaded: "Loaded | None" = None

    @property
    def loaded(self) -> "Loaded":
        """Settings and their origins.

        Raises:
            Invalid: a setting cannot be right.
        """
        if self._loaded is None:
            # Commands for researchers have no settings, and start without what reads them.
            from ooni_entrypoints.settings import load

            self._loaded = load(self.config, flags=self.flags)
        return self._loaded

    @property
    def settings(self) -> "Settings":
        """The effective settings."""
        return self.loaded.settings

    def override(self, key: str, value: object) -> None:
        """Let a command's own option win over file and environment."""
        if value is not None:
            self.flags[key] = str(value)
            self._loaded = None


class _Commands(click.Group):
    """Finds commands by name without importing the others, and turns our errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OoniError as exc:
            raise click.ClickException(str(exc)) from exc
        except ModuleNotFoundError as exc:
            extra = _EXTRAS.get((exc.name or "").partition(".")[0], "service")
            if (exc.name or "").startswith("ooni_"):
                raise
            raise click.ClickException(f"this command needs {exc.name}: pip install 'ooni-backend[{extra}]'") from exc


def _flags(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    flags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not section.key=value, such as service.port=9000")
        flags[key] = value
    return flags


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="OONI_CONFIG",
    help="Settings file (TOML).",
)
@click.option(
    "--set", "flags", multiple=True, callback=_flags, metavar="KEY=VALUE", help="Set one setting; repeatable."
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None, flags: dict[str, str]) -> None:
    """The OONI backend: receive, score, publish and search measurements of internet censorship.

    \b
    Try it:  ooni serve --demo
    Score:   ooni score --fingerprints DIR measurements/*.jsonl.gz
    Shell completion:  eval "$(_OONI_COMPLETE=bash_source ooni)"
    """
    ctx.obj = Invocation(config, flags)


def main() -> None:
    """Run the command line; the entry point of the ``ooni`` script."""
    cli.main(prog_name="ooni")

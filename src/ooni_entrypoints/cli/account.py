"""``ooni account``: roles and sessions of people who log in by e-mail."""

from typing import Any

import click

from ooni_entrypoints.cli import Invocation


@click.group("account")
def command() -> None:
    """Say who is an admin, and end sessions.

    An address is turned into its account id here, and goes nowhere: not into the database, not into a log.
    """


@command.command("set-role")
@click.argument("email_address")
@click.argument("role", type=click.Choice(["user", "admin"]))
@click.pass_obj
def set_role(invocation: Invocation, email_address: str, role: str) -> None:
    """Give EMAIL_ADDRESS a ROLE. It counts from the next login or refresh on; who loses a role is logged out.

    Nobody has to have logged in before: this is how the first admin is made.

    \b
    Example:  ooni account set-role ada@example.org admin
    """
    account_id = _account_id(invocation, email_address)
    _carried_out(invocation, "set_account_role", account_id=account_id, role=role)
    click.echo(f"account {account_id} is {role} now")


@command.command("role")
@click.argument("email_address")
@click.pass_obj
def show_role(invocation: Invocation, email_address: str) -> None:
    """Print the account id of EMAIL_ADDRESS, and its role.

    \b
    Example:  ooni account role ada@example.org
    """
    account_id = _account_id(invocation, email_address)
    role = _carried_out(invocation, "account_role", account_id=account_id)
    click.echo(f"{account_id} {role or 'user (never set)'}")


@command.command("expunge")
@click.argument("email_address")
@click.pass_obj
def expunge(invocation: Invocation, email_address: str) -> None:
    """End all sessions of EMAIL_ADDRESS now. Logging in again works.

    \b
    Example:  ooni account expunge ada@example.org
    """
    account_id = _account_id(invocation, email_address)
    _carried_out(invocation, "expunge_account", account_id=account_id)
    click.echo(f"all sessions of account {account_id} have ended")


def _account_id(invocation: Invocation, email_address: str) -> str:
    from ooni_core.accounts.model import EmailAddress
    from ooni_core.accounts.rules import account_id_of
    from ooni_entrypoints.accounts import account_policy

    return account_id_of(EmailAddress.parsed(email_address).text, account_policy(invocation.settings).hashing_key)


def _carried_out(invocation: Invocation, name: str, **arguments: str) -> Any:
    """Have the running service do it, or do it here when there is none."""
    from ooni_entrypoints.accounts import open_account_commands
    from ooni_entrypoints.control import NOBODY, ask

    told = ask(invocation.settings.storage.data_dir, name, **arguments)
    if told is not NOBODY:
        return told
    with open_account_commands(invocation.settings) as commands:
        return commands[name](**arguments)

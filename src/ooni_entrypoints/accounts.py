"""Wires accounts, sessions and what people who are logged in say. Part of the composition root."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from ooni_adapters.mail import NoMailer, SmtpMailer
from ooni_adapters.secrets import kept_secret
from ooni_adapters.sql.accounts import SqlAccountRoles
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.feedback import SqlFeedbackStore
from ooni_adapters.sql.sessions import SqlExpungedSessions
from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.model import AccountPolicy
from ooni_core.accounts.ports import Mailer
from ooni_core.accounts.service import Accounts
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.feedback.ports import KnownMeasurements
from ooni_core.feedback.service import FeedbackService
from ooni_core.ports import Clock
from ooni_entrypoints.http import account_admin, accounts, feedback, ooniauth, quotas
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import Storage, open_storage

_LINK_KEYS = "login link"
_DAY = 86_400
_EXAMPLE = "CHANGEME"


def token_keys(settings: Settings) -> JwtKeys:
    """Return the keys of session tokens; without configured ones, the installation makes one and keeps it.

    Raises:
        Unavailable: the kept key can be neither read nor made.
    """
    configured = settings.accounts.jwt_keys
    return JwtKeys.of(configured or [kept_secret(settings.storage.data_dir / "secrets" / "jwt_key")])


def link_keys(keys: JwtKeys) -> JwtKeys:
    """Return the keys of login links: derived, so that no link can pass for a session."""
    return keys.derived(_LINK_KEYS).joined(keys)


def account_policy(settings: Settings) -> AccountPolicy:
    """Return what *settings* say about accounts; without a configured hashing key, one is made and kept.

    Raises:
        Unavailable: the kept key can be neither read nor made.
    """
    chosen = settings.accounts
    keys = chosen.account_id_hashing_keys
    return AccountPolicy(
        hashing_key=keys[0] if keys else kept_secret(settings.storage.data_dir / "secrets" / "account_id_key"),
        login_hosts=frozenset(chosen.login_hosts),
        session_seconds=round(chosen.session_days * _DAY),
        login_seconds=round(chosen.login_days * _DAY),
    )


def make_mailer(settings: Settings, clock: Clock) -> Mailer:
    """Return what sends mail."""
    mail = settings.mail
    if not mail.server:
        return NoMailer()
    return SmtpMailer(
        mail.server,
        mail.port,
        mail.source_address,
        clock,
        use_ssl=mail.use_ssl,
        username=mail.username,
        password=mail.password,
    )


def make_accounts(settings: Settings, engine: SqlEngine, clock: Clock, mailer: Mailer | None = None) -> Accounts:
    """Return the use cases of accounts over an open database.

    Raises:
        Unavailable: a kept key can be neither read nor made.
    """
    keys = token_keys(settings)
    return Accounts(
        guard=SessionGuard(keys, SqlExpungedSessions(engine), clock),
        link_keys=link_keys(keys),
        roles=SqlAccountRoles(engine),
        mailer=mailer or make_mailer(settings, clock),
        policy=account_policy(settings),
    )


@attrs.frozen
class AccountServices:
    """Everything that the application needs for people who log in.

    Attributes:
        use_cases: what the handlers are given, by parameter name; ``session_guard`` resolves sessions for all areas.
        handlers: the routes.
    """

    settings: Settings
    sessions: SessionGuard
    use_cases: Mapping[str, Any]
    handlers: Sequence[Any]

    def warnings(self) -> list[str]:
        """Return what an operator should know."""
        chosen, found = self.settings.accounts, []
        if not self.settings.mail.server:
            found.append("mail.server is not set: nobody can log in by e-mail")
        found += [
            f"accounts.{name} is the {_EXAMPLE} of examples: anybody can guess it"
            for name in ("jwt_keys", "account_id_hashing_keys")
            if _EXAMPLE in getattr(chosen, name)
        ]
        return found


def make_account_services(
    settings: Settings,
    engine: SqlEngine,
    clock: Clock,
    measurements: KnownMeasurements,
    mailer: Mailer | None = None,
) -> AccountServices:
    """Wire accounts over an open database.

    Args:
        settings: the effective settings.
        engine: the database.
        clock: tells the time.
        measurements: what feedback is about, where the settings ask for that.
        mailer: sends mail; None for the server that the settings name.

    Raises:
        Unavailable: a kept key can be neither read nor made.
    """
    made = make_accounts(settings, engine, clock, mailer)
    judged = measurements if settings.feedback.known_measurements_only else None
    return AccountServices(
        settings=settings,
        sessions=made.guard,
        use_cases={
            "accounts": made,
            "session_guard": made.guard,
            "feedback": FeedbackService(SqlFeedbackStore(engine), judged),
        },
        handlers=[
            *accounts.handlers,
            *account_admin.handlers,
            *ooniauth.handlers,
            *feedback.handlers,
            *quotas.handlers,
        ],
    )


def account_commands(settings: Settings, storage: Storage) -> Mapping[str, Callable[..., Any]]:
    """Return what other processes may ask of a running service; see `ooni_entrypoints.control`.

    They name accounts by id: the address stays in the process that was given it.
    """
    made = make_accounts(settings, storage.engine, storage.clock)

    def account_role(*, account_id: str) -> str | None:
        return made.roles.role(account_id)

    def set_account_role(*, account_id: str, role: str) -> None:
        made.set_account_role(account_id, role)

    def expunge_account(*, account_id: str) -> None:
        made.expunge_account(account_id)

    return {each.__name__: each for each in (account_role, set_account_role, expunge_account)}


@contextmanager
def open_account_commands(settings: Settings) -> Iterator[Mapping[str, Callable[..., Any]]]:
    """Return the same, opening the database for it.

    Raises:
        Conflict: another process holds the database.
    """
    with open_storage(settings) as storage:
        yield account_commands(settings, storage)

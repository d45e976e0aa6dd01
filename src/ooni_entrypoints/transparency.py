"""Opening the transparency log that the settings name, and what withdraws from it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ooni_adapters.signing import Keyring, ed25519_check, load_or_create_keys, read_keys
from ooni_adapters.sql.erasure import SqlErasure
from ooni_adapters.system import SystemEntropy
from ooni_adapters.tiles import ObjectTiles
from ooni_core.errors import Invalid
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.service import PublicationService
from ooni_core.publication.transparency.leaves import WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.transparency.view import LogView
from ooni_core.publication.withdrawal import WithdrawalService
from ooni_entrypoints.settings import Settings

if TYPE_CHECKING:
    from ooni_entrypoints.storage import Storage


def key_file(settings: Settings) -> Path:
    """Where the keys of the log are."""
    return Path(settings.publication.log_key_file or settings.storage.data_dir / "transparency.key")


def log_origin(settings: Settings) -> str:
    """The name of a log whose first key is yet to be made."""
    service = settings.service
    public = service.base_url.partition("://")[2].rstrip("/")
    return settings.publication.log_origin or public or f"{service.host}:{service.port}"


def open_keys(settings: Settings) -> Keyring:
    """Return the keys of the log; makes the first one when there is none.

    Raises:
        Invalid: the key file is damaged.
        Unavailable: the key file cannot be read or written.
    """
    return load_or_create_keys(key_file(settings), log_origin(settings), SystemEntropy())


def open_log(settings: Settings, objects: ObjectStore) -> TransparencyLog:
    """Return the log beside the published files in *objects*.

    Raises:
        Invalid: the key file is damaged.
        Unavailable: the key file cannot be read or written.
    """
    keys = open_keys(settings)
    return TransparencyLog(ObjectTiles(objects), keys.signers, ed25519_check, keys.former_keys)


def open_view(settings: Settings, objects: ObjectStore) -> LogView:
    """Return the log as readers see it; makes no key.

    Raises:
        NotFound: there is no key file.
        Invalid: the key file is damaged.
        Unavailable: the key file cannot be read.
    """
    keys = read_keys(key_file(settings))
    return LogView(ObjectTiles(objects), keys.origin, keys.verifier_keys, ed25519_check)


def make_withdrawal(publication: PublicationService, storage: "Storage", log: TransparencyLog) -> WithdrawalService:
    """Return the use case that withdraws what *publication* publishes."""
    from ooni_entrypoints.cli.rebuild import read_postcan

    return WithdrawalService(
        log=log,
        spool=publication.spool,
        journal=publication.journal,
        objects=publication.objects,
        index=publication.index,
        erasure=SqlErasure(storage.engine, storage.clock),
        clock=publication.clock,
        read_postcan=read_postcan,
    )


def withdrawal_commands(withdrawal: WithdrawalService) -> Mapping[str, Callable[..., Any]]:
    """Return what other processes may ask of a running service; see `ooni_entrypoints.control`."""

    def withdraw(*, uid: str, reason: str) -> dict[str, Any]:
        if reason not in set(WithdrawalReason):
            raise Invalid(f"{reason!r} is not a reason: one of {', '.join(WithdrawalReason)}")
        return attrs.asdict(withdrawal.withdraw(MeasurementUid(uid), WithdrawalReason(reason)))

    return {"withdraw": withdraw}


@contextmanager
def open_withdrawal(settings: Settings) -> Iterator[WithdrawalService]:
    """Everything that `ooni withdraw` needs when no service is running."""
    from ooni_adapters.journal import SqliteJournal
    from ooni_entrypoints.composition import make_spool, open_objects, spool_folder
    from ooni_entrypoints.storage import open_storage

    with open_storage(settings) as storage:
        publication = PublicationService(
            spool=make_spool(settings),
            journal=SqliteJournal(spool_folder(settings)),
            objects=open_objects(settings),
            index=storage.bodies,
            clock=storage.clock,
            identity=f"n{settings.service.collector_id}",
        )
        yield make_withdrawal(publication, storage, open_log(settings, publication.objects))

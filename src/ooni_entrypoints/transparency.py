"""Opening the transparency log that the settings name."""

from pathlib import Path

from ooni_adapters.signing import Keyring, ed25519_check, load_or_create_keys
from ooni_adapters.system import SystemEntropy
from ooni_adapters.tiles import ObjectTiles
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_entrypoints.settings import Settings


def key_file(settings: Settings) -> Path:
    """Where the keys of the log are."""
    return Path(settings.publication.log_key_file or settings.storage.data_dir / "transparency.key")


def log_origin(settings: Settings) -> str:
    """The name of a log whose first key is yet to be made."""
    return settings.publication.log_origin or settings.service.base_url.partition("://")[2].rstrip("/")


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

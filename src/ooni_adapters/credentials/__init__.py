"""A CredentialIssuer by the library ooniauth-py, and the file that keeps its keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import ooniauth_py

from ooni_adapters.private_files import create_private_file
from ooni_core.errors import Conflict, Invalid, Unavailable
from ooni_core.probes.credentials import CredentialRefused, Manifest, Proof, manifest_of

__all__ = ["OoniauthIssuer", "make_credentials_file", "read_credentials_file"]

_LIFETIME_DAYS = 3650


@attrs.frozen
class OoniauthIssuer:
    """Signs and verifies with one pair of keys."""

    _state: ooniauth_py.ServerState = attrs.field(repr=False)

    @classmethod
    def from_keys(cls, public_parameters: str, secret_key: str) -> "OoniauthIssuer":
        """Use existing keys.

        Raises:
            Invalid: they are none.
        """
        # The library makes its tables when it makes keys, and panics without them.
        ooniauth_py.ServerState()
        try:
            with _refusing():
                return cls(ooniauth_py.ServerState.from_creds(public_parameters, secret_key))
        except CredentialRefused as exc:
            raise Invalid("the keys of the credential manifest cannot be used") from exc

    @property
    def public_parameters(self) -> str:
        """What probes need to make requests and proofs."""
        return self._state.get_public_parameters()

    @property
    def protocol_version(self) -> str:
        """Version of the protocol."""
        return ooniauth_py.get_protocol_version()

    @property
    def library_version(self) -> str:
        """Version of the library."""
        return ooniauth_py.__version__

    def today(self) -> int:
        """Return the day on which a credential signed now is issued."""
        return ooniauth_py.ServerState.today()

    def sign(self, request: str) -> str:
        """Answer the request for a credential."""
        with _refusing():
            return self._state.handle_registration_request(request)

    def verify(self, proof: Proof, age: tuple[int, int], min_measurement_count: int) -> str:
        """Check a proof and return what renews the credential."""
        with _refusing():
            return self._state.handle_submit_request_with_hash(
                proof.nym, proof.request, proof.probe_cc, proof.probe_asn, proof.content, age, min_measurement_count
            )


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as exc:
        raise _refusal(exc) from exc
    except BaseException as exc:
        # What the library did not expect of a request is a panic, which is no Exception and cannot be imported.
        if type(exc).__name__ != "PanicException":
            raise
        raise CredentialRefused("protocol_error", "the request is not one that this version can answer") from exc


def _refusal(exc: Exception) -> CredentialRefused:
    for kind, code in (
        (ooniauth_py.DeserializationFailed, "deserialization_failed"),
        (ooniauth_py.ProtocolError, "protocol_error"),
        (ooniauth_py.CredentialError, "credential_error"),
    ):
        if isinstance(exc, kind):
            return CredentialRefused(code, str(exc))
    return CredentialRefused("unknown_error", type(exc).__name__)


def read_credentials_file(file: Path) -> tuple[OoniauthIssuer, Manifest]:
    """Read keys and manifest.

    Raises:
        Invalid: something is missing in the file, or cannot be right.
        Unavailable: it cannot be read.
    """
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise Unavailable(f"the credential manifest {file} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise Invalid(f"the credential manifest {file} is not JSON") from exc
    if not isinstance(document, dict) or not {"public_parameters", "secret_key"} <= set(document):
        raise Invalid(f"the credential manifest {file} lacks public_parameters or secret_key")
    issuer = OoniauthIssuer.from_keys(str(document["public_parameters"]), str(document["secret_key"]))
    return issuer, manifest_of(document)


def make_credentials_file(file: Path, now: datetime) -> None:
    """Make new keys, and a manifest that accepts credentials of any age from everywhere. Only the owner can read it.

    Raises:
        Conflict: the file is there already; new keys would void every probe's credential.
        Unavailable: it cannot be written.
    """
    state, today = ooniauth_py.ServerState(), ooniauth_py.ServerState.today()
    document = {
        "version": f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        "last_modification_date": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "nym_scope": "ooni.org/{probe_cc}/{probe_asn}",
        "submission_policy": [
            {
                "match": {"probe_cc": "*", "probe_asn": "*"},
                "policy": {"age": [today, today + _LIFETIME_DAYS], "min_measurement_count": 0},
            }
        ],
        "public_parameters": state.get_public_parameters(),
        "secret_key": state.get_secret_key(),
    }
    try:
        create_private_file(file, json.dumps(document, indent=2))
    except FileExistsError as exc:
        raise Conflict(f"{file} is there already: new keys would void every probe's credential") from exc
    except OSError as exc:
        raise Unavailable(f"{file} cannot be written: {exc.strerror}") from exc

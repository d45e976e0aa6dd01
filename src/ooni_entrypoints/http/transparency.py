"""The transparency log over HTTP: static files as C2SP tlog-tiles names them, and proofs ready to use."""

import re
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter, SkipValidation

from ooni_core.errors import Invalid, NotFound
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.tiles import Tile
from ooni_core.publication.transparency.view import LogView, MeasurementProof
from ooni_entrypoints.http.responses import bytes_answer, json_answer

View = NamedDependency[SkipValidation[LogView]]

_TEXT = "text/plain"
_UTF_8 = f"{_TEXT}; charset=utf-8"
_BYTES = "application/octet-stream"
_FOR_EVER = "public, max-age=31536000, immutable"
_SECONDS = "max-age=5"
_RECORD = re.compile(r"hours/[0-9]{10}/(0|[1-9][0-9]{0,8})|withdrawals/(0|[1-9][0-9]{0,8})|checkpoints/[0-9]{20}")


@get("/api/v1/transparency/checkpoint", media_type=_TEXT, tags=["transparency"], sync_to_thread=True)
def checkpoint(log_view: View) -> Response[bytes]:
    """Return the newest signed state of the log (C2SP tlog-checkpoint)."""
    return bytes_answer(log_view.checkpoint_note(), _UTF_8, cache=_SECONDS)


@get("/api/v1/transparency/keys", media_type=_TEXT, tags=["transparency"], sync_to_thread=False)
def keys(log_view: View) -> Response[bytes]:
    """Return the public keys that may sign the log's checkpoints, newest first, one a line (C2SP signed-note).

    Whoever relies on the log gets these once, keeps them, and compares them with another source.
    """
    return bytes_answer("".join(f"{key.text}\n" for key in log_view.keys).encode(), _UTF_8, cache="max-age=300")


@get(
    "/api/v1/transparency/tile/{path:path}",
    media_type="application/octet-stream",
    tags=["transparency"],
    sync_to_thread=True,
)
def tile(
    log_view: View,
    path: Annotated[str, PathParameter(description="`<level or entries>/<index>[.p/<width>]`, such as `0/x001/234`.")],
) -> Response[bytes]:
    """Return one tile of the tree, or one bundle of entries (C2SP tlog-tiles). Tiles never change."""
    try:
        wanted = Tile.parse(f"tile{path}")
    except Invalid as exc:
        raise NotFound(str(exc)) from exc
    return bytes_answer(log_view.tile(wanted), _BYTES, cache=_FOR_EVER)


@get("/api/v1/transparency/hours/{hour:str}/{number:str}", tags=["transparency"], sync_to_thread=True)
def leaves_of_hour(log_view: View, hour: FromPath[str], number: FromPath[str]) -> Response[bytes]:
    """Return where leaves of an hour (`YYYYMMDDHH`) are, numbered from 0; the first that is missing ends them."""
    return _record(log_view, f"hours/{hour}/{number}", "application/json")


@get("/api/v1/transparency/withdrawals/{number:str}", tags=["transparency"], sync_to_thread=True)
def withdrawals(log_view: View, number: FromPath[str]) -> Response[bytes]:
    """Return where withdrawals are. They are numbered from 0; the first that is missing ends them."""
    return _record(log_view, f"withdrawals/{number}", "application/json")


@get("/api/v1/transparency/checkpoints/{size:str}", media_type=_TEXT, tags=["transparency"], sync_to_thread=True)
def earlier_checkpoint(log_view: View, size: FromPath[str]) -> Response[bytes]:
    """Return the checkpoint that was signed at a size, written with 20 digits."""
    return _record(log_view, f"checkpoints/{size}", _UTF_8)


def _record(log_view: LogView, path: str, media_type: str) -> Response[bytes]:
    content = log_view.reader.read(path) if _RECORD.fullmatch(path) else None
    if content is None:
        raise NotFound("the log has no such record")
    return bytes_answer(content, media_type, cache=_SECONDS)


@get("/api/v1/transparency/proof", tags=["transparency"], sync_to_thread=True)
def proof(
    log_view: View,
    measurement_uid: Annotated[str, QueryParameter(description="Name of the measurement.")],
    format: Annotated[
        Literal["json", "text"], QueryParameter(description="`text` answers with the `.tlog-proof` file alone.")
    ] = "json",
) -> Response[bytes]:
    """Prove that a measurement was published with certain bytes, and say whether it was withdrawn since.

    The proof is a C2SP tlog-proof file for the entry `measurement <uid> <length> <sha256>`. It can be checked offline
    with the public keys of the log.
    """
    answer = log_view.prove(MeasurementUid(measurement_uid))
    if format == "text":
        return bytes_answer(answer.proof.content, _UTF_8, cache=_SECONDS)
    return json_answer(_described(answer, log_view), cache=_SECONDS)


def _described(answer: MeasurementProof, log_view: LogView) -> dict[str, Any]:
    withdrawal = None
    if answer.withdrawal and answer.withdrawn and answer.withdrawal_proof:
        withdrawal = {
            "entry": answer.withdrawal.entry.decode(),
            "index": answer.withdrawn.index,
            "proof": answer.withdrawal_proof.content.decode(),
            "reason": str(answer.withdrawal.reason),
            "time": answer.withdrawal.time,
        }
    return {
        "entry": answer.leaf.entry.decode(),
        "index": answer.published.index,
        "length": answer.leaf.length,
        "measurement_uid": answer.leaf.uid.text,
        "origin": log_view.origin,
        "proof": answer.proof.content.decode(),
        "sha256": answer.leaf.sha256.hex(),
        "withdrawal": withdrawal,
    }


handlers = [checkpoint, keys, tile, leaves_of_hour, withdrawals, earlier_checkpoint, proof]

"""What other API hosts may read of this one's spool."""

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, SkipValidation

from ooni_core.archive.hops import HOP_HEADER, SpoolWindow
from ooni_entrypoints.http.responses import NO_STORE, bytes_answer

Window = NamedDependency[SkipValidation[SpoolWindow]]


@get("/measurement_spool/{bucket:str}/{name:str}", tags=["peers"], sync_to_thread=True)
def spooled_body(
    spool_window: Window,
    bucket: FromPath[str],
    name: FromPath[str],
    hop: Annotated[str, HeaderParameter(name=HOP_HEADER, required=False)] = "",
) -> Response[bytes]:
    """Return a body that is not published yet, as it was received, to a host that shares a key with this one."""
    return bytes_answer(spool_window.look(bucket, name, hop), "application/octet-stream", cache=NO_STORE)


handlers = [spooled_body]

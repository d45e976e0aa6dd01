"""Whole published files, streamed with their checksums."""

import base64
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, SkipValidation
from litestar.response import Stream

from ooni_core.archive.files import FileArchive
from ooni_entrypoints.http.compression import AS_IT_IS

Files = NamedDependency[SkipValidation[FileArchive]]

_FOR_EVER = "public, max-age=31536000, immutable"
_MINUTES = "max-age=300"
_ERROR = ResponseSpec(dict[str, str], description="`error` says what is wrong.")
_BYTES = "application/octet-stream"


@get(
    "/api/v1/published/{key:path}",
    media_type=_BYTES,
    sync_to_thread=True,
    tags=["measurements"],
    opt={AS_IT_IS: True},
    responses={404: _ERROR, 503: _ERROR},
)
def published_file(
    files: Files,
    key: Annotated[str, PathParameter(description="As in the manifest of its hour, such as `raw/20260304/12/…`.")],
) -> Stream:
    """Return one published file, byte for byte.

    `Repr-Digest` (RFC 9530) is the SHA-256 that the manifest of its hour tells. The answer breaks off before its end
    when the content turns out to be something else.
    """
    file = files.open(key.removeprefix("/"))
    headers = {"Content-Length": str(file.length), "Cache-Control": _FOR_EVER if file.sha256 else _MINUTES}
    if file.sha256:
        digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        headers |= {"Repr-Digest": f"sha-256=:{digest}:", "ETag": f'"{file.sha256}"'}
    return Stream(file.parts, media_type=_BYTES, headers=headers)


handlers = [published_file]

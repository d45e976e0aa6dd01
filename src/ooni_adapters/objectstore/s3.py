"""Published files in S3 or a store that speaks its protocol.

A put is conditional (``If-None-Match: *``): the store itself refuses to replace an object. When an answer got lost, the
repeated put finds the object there and compares the bytes.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import attrs
import s3fs

from ooni_adapters.objectstore.keys import checked_key
from ooni_core.errors import Conflict, NotFound, OoniError, Unavailable

_PART_BYTES = 32 * 2**20  # two parts and more go as a multipart upload
_FIRST_PAUSE = 0.2  # seconds
_LONGEST_PAUSE = 10.0
T = TypeVar("T")


@attrs.frozen
class S3Objects:
    """An ObjectStore in an S3 bucket.

    Attributes:
        files: the client.
        place: bucket and prefix, without slashes at the ends.
        attempts: how often a request is tried before it counts as failed; pauses grow, with jitter.
    """

    files: s3fs.S3FileSystem
    place: str
    attempts: int = 5
    sleep: Callable[[float], None] = time.sleep

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        """Store *content*; see ObjectStore."""
        path = self._path(key)
        try:
            self._tried(key, lambda: self.files.pipe_file(path, content, chunksize=_PART_BYTES, mode="create"))
        except NotFound as exc:
            raise Unavailable(f"{key} cannot be stored: there is no bucket {self.place.partition('/')[0]}") from exc
        except FileExistsError as exc:
            if self.get(key) != content:
                raise Conflict(f"{key} is already stored with other bytes") from exc

    def replace(self, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined *parts* in place of what was there; see ObjectStore.

        A part is not tried again: it cannot be made twice.
        """
        # Nothing appears under the key before commit(), which completes the multipart upload.
        file = self._tried(
            key, lambda: self.files.open(self._path(key), "wb", block_size=_PART_BYTES, autocommit=False)
        )
        try:
            for part in parts:
                _asked(key, file.write, part)
            _asked(key, file.close)
            _asked(key, file.commit)
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong first is what counts
                file.discard()
            file.closed = True  # or its destructor would upload what there is
            raise

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        return self._tried(key, lambda: bytes(self.files.cat_file(self._path(key))))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*."""
        return self._tried(key, lambda: self._range(key, offset, length))

    def size(self, key: str) -> int | None:
        """Return the length in bytes, or None."""
        try:
            return self._tried(key, lambda: self._size(key))
        except NotFound:
            return None

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys below the folder *prefix*, sorted."""
        top = self._path(prefix.strip("/")) if prefix.strip("/") else self.place
        found = self._tried(prefix, lambda: self.files.find(top, refresh=True, withdirs=False))
        return sorted(path.removeprefix(f"{self.place}/") for path in found if path.startswith(f"{top}/"))

    def delete(self, key: str) -> None:
        """Remove an object."""
        with contextlib.suppress(NotFound):
            self._tried(key, lambda: self.files.rm_file(self._path(key)))

    def _path(self, key: str) -> str:
        return f"{self.place}/{checked_key(key)}"

    def _size(self, key: str) -> int:
        found = self.files.info(self._path(key), refresh=True)
        if found["type"] != "file":
            raise FileNotFoundError(key)
        return int(found["size"])

    def _range(self, key: str, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        try:
            content = bytes(self.files.cat_file(self._path(key), start=offset, end=offset + length))
        except OSError as exc:
            if "InvalidRange" in str(exc) or "not satisfiable" in str(exc):
                return b""
            raise
        if len(content) < length and offset + len(content) < self._size(key):
            raise ConnectionError(f"{key}: {len(content)} bytes came instead of {length}")
        return content

    def _tried(self, key: str, request: Callable[[], T]) -> T:
        """Do *request* until it succeeds, fails for good, or was tried often enough."""
        for attempt in range(1, self.attempts + 1):
            try:
                return request()
            except FileNotFoundError as exc:
                raise NotFound(f"there is no object {key}") from exc
            except (FileExistsError, OoniError):
                raise
            except PermissionError as exc:
                raise Unavailable(f"{key}: the object store refuses: {exc}") from exc
            except Exception as exc:  # the client lets through errors of four libraries
                if attempt == self.attempts:
                    raise Unavailable(f"{key}: the object store failed {attempt} times: {exc!r}") from exc
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            self.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads clients, hides nothing
        raise Unavailable(f"{key}: not tried at all")


def _asked(key: str, request: Callable[..., object], *arguments: object) -> None:
    try:
        request(*arguments)
    except Exception as exc:
        raise Unavailable(f"{key}: the object store failed: {exc!r}") from exc


def s3_objects(
    bucket: str,
    prefix: str = "",
    *,
    endpoint: str = "",
    key: str = "",
    secret: str = "",
    profile: str = "",
    region: str = "",
    anonymous: bool = False,
    timeout: float = 30.0,
    attempts: int = 5,
) -> S3Objects:
    """Open the bucket.

    Args:
        bucket: its name.
        prefix: put before every key.
        endpoint: URL of a store other than AWS.
        key: access key id; empty takes the usual AWS configuration.
        secret: secret access key.
        profile: profile of the AWS configuration.
        region: AWS region.
        anonymous: send no credentials.
        timeout: seconds to wait for a connection and for each piece of an answer.
        attempts: how often a request is tried.
    """
    files = s3fs.S3FileSystem(
        anon=anonymous,
        key=key or None,
        secret=secret or None,
        endpoint_url=endpoint or None,
        profile=profile or None,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs=_client_configuration(timeout),
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = 1  # ours have jitter and know which failures may pass
    return S3Objects(files, f"{bucket}/{prefix}".rstrip("/"), max(1, attempts))


def _client_configuration(timeout: float) -> dict[str, Any]:
    return {"connect_timeout": timeout, "read_timeout": timeout, "retries": {"total_max_attempts": 1}}

"""The files of somebody's log over HTTP, to check it from afar."""

import urllib.error
import urllib.request

import attrs

from ooni_core.errors import Unavailable

_MOST_BYTES = 32 << 20


@attrs.frozen
class HttpTiles:
    """A LogReader of the log at a URL.

    Attributes:
        url: the log's prefix without a final slash, such as ``https://api.ooni.org/api/v1/transparency``.
        seconds: how long one answer may take.
    """

    url: str = attrs.field(validator=attrs.validators.matches_re(r"https?://[^?#]+[^?#/]"))
    seconds: float = 30.0

    def read(self, path: str) -> bytes | None:
        """Return the file, or None when the server says that there is none.

        Raises:
            Unavailable: the server does not answer, or not with the whole file.
        """
        request = urllib.request.Request(f"{self.url}/{path}", headers={"User-Agent": "ooni-log-verify"})  # noqa: S310 - the scheme is checked
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:  # noqa: S310 - as above
                content: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code == 404:
                    return None
                raise Unavailable(f"{self.url}/{path} answered {exc.code}") from exc
        except (OSError, ValueError) as exc:
            raise Unavailable(f"{self.url}/{path} cannot be read: {exc}") from exc
        if len(content) > _MOST_BYTES:
            raise Unavailable(f"{self.url}/{path} is larger than any file of a log")
        return content

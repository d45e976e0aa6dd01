"""Published verdicts as the API of a platform tells them."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from ooni_core.errors import Unavailable

_FIELDS = frozenset(
    {"input", "measurement_start_time", "probe_asn", "probe_cc", "report_id", "scores", "test_name", "test_start_time"}
    | {"anomaly", "confirmed", "failure"}
)
_THREADS = 8
_ATTEMPTS = 4
_FIRST_PAUSE = 0.25  # seconds, doubled each time
_SECONDS = 30


@attrs.frozen
class ApiVerdicts:
    """An API, asked for one measurement after the other, a few at a time.

    Args:
        base: URL before ``/api/``.
    """

    base: str
    _pool: ThreadPoolExecutor = attrs.field(factory=lambda: ThreadPoolExecutor(_THREADS))

    def rows(self, uids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what the API says about *uids*; it shows some of the columns only.

        Raises:
            Unavailable: it does not answer.
        """
        answers = self._pool.map(self._row, uids)
        return {uid: row for uid, row in zip(uids, answers, strict=True) if row is not None}

    def _row(self, uid: str) -> Mapping[str, Any] | None:
        query = urllib.parse.urlencode({"measurement_uid": uid})
        answer = _asked(f"{self.base}/api/v1/measurement_meta?{query}")
        if not answer.get("test_name"):
            return None
        return {name: value for name, value in answer.items() if name in _FIELDS}

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _asked(url: str) -> dict[str, Any]:
    """Return the answer of *url*; an empty one when there is no such measurement."""
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2**attempt)
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the user gave an http(s) URL
                found = json.load(answer)
                return found if isinstance(found, dict) else {}
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code in {400, 404}:
                return {}
            problem = exc
        except (OSError, ValueError) as exc:
            problem = exc
    raise Unavailable(f"{url} does not answer: {problem}")

"""``ooni submit``: hand measurements over as a probe does."""

import http.client
import sys
import urllib.parse
from collections.abc import Iterator
from typing import Any

import attrs
import click
import orjson
import zstandard

from ooni_adapters.measurementfiles import Record, read_file
from ooni_core.errors import Invalid, Unavailable

_SECONDS = 60
_USER_AGENT = "ooni-submit"


@attrs.define
class ProbeClient:
    """Speaks the report protocol over one kept connection.

    Attributes:
        url: base URL of the service.
        zstd: compress bodies.
    """

    url: str
    zstd: bool = False
    _connection: http.client.HTTPConnection | None = attrs.field(default=None, init=False)
    _reports: dict[tuple[str, str, str], str] = attrs.field(factory=dict, init=False)

    def submit(self, measurement: dict[str, Any], *, keep_report_id: bool = False) -> str | None:
        """Submit one measurement; open a report for its nettest, country and network first, if there is none yet.

        Args:
            measurement: the document; its ``report_id`` is replaced by that of the opened report.
            keep_report_id: submit under the report id it already carries, unaltered.

        Returns:
            The measurement uid, or None when the service dropped it (no country or network).

        Raises:
            Invalid: the service refused it.
            Unavailable: the service did not answer, or cannot take it now.
        """
        if keep_report_id and isinstance(measurement.get("report_id"), str):
            report_id = measurement["report_id"]
        else:
            report_id = self._report_for(measurement)
            measurement = {**measurement, "report_id": report_id}
        body = orjson.dumps({"format": "json", "content": measurement})
        return self.post_body(report_id, body)

    def post_body(self, report_id: str, body: bytes) -> str | None:
        """Submit *body*, the whole envelope, byte for byte; see `submit`."""
        answer = self._post(f"/report/{urllib.parse.quote(report_id, safe='')}", body)
        uid: str | None = answer.get("measurement_uid")
        return uid

    def close(self) -> None:
        """Close the reports that were opened, and the connection."""
        for report_id in self._reports.values():
            self._post(f"/report/{report_id}/close", b"")
        if self._connection is not None:
            self._connection.close()

    def _report_for(self, measurement: dict[str, Any]) -> str:
        facts = tuple(str(measurement.get(name) or "") for name in ("test_name", "probe_cc", "probe_asn"))
        if facts not in self._reports:
            request = {"data_format_version": "0.2.0", "format": "json", "software_name": _USER_AGENT}
            request |= dict(zip(("test_name", "probe_cc", "probe_asn"), facts, strict=True))
            self._reports[facts] = self._post("/report", orjson.dumps(request))["report_id"]
        return self._reports[facts]

    def _post(self, path: str, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "User-Agent": _USER_AGENT}
        if self.zstd and body:
            headers["Content-Encoding"], body = "zstd", zstandard.compress(body)
        try:
            connection = self._connected()
            connection.request("POST", self._base_path() + path, body, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as exc:
            self._connection = None
            raise Unavailable(f"{self.url} does not answer: {exc}") from exc
        if response.status == 200:
            answer: dict[str, Any] = orjson.loads(text)
            return answer
        words = text.decode("utf-8", "replace").strip()
        refusal = f"{self.url}{path} answered {response.status}: {words}"
        raise Invalid(refusal) if response.status < 500 else Unavailable(refusal)

    def _base_path(self) -> str:
        return urllib.parse.urlsplit(self.url).path.rstrip("/")

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urllib.parse.urlsplit(self.url)
            kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
            if parts.scheme not in kinds or not parts.netloc:
                raise Invalid(f"{self.url!r} is not a service: expected a URL such as http://127.0.0.1:8080")
            self._connection = kinds[parts.scheme](parts.netloc, timeout=_SECONDS)
        return self._connection


@click.command("submit")
@click.argument("files", nargs=-1, required=True)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="The service.")
@click.option("--zstd", is_flag=True, help="Compress bodies, as newer probes do.")
@click.option("--keep-report-id", is_flag=True, help="Submit under the report id that each measurement carries.")
def command(files: tuple[str, ...], url: str, zstd: bool, keep_report_id: bool) -> None:  # noqa: FBT001
    """Submit measurements to a service as a probe does, and print their uids.

    FILES are measurements in any published format, or - for standard input.

    \b
    Example:  ooni submit measurement.json --url http://127.0.0.1:8080
    """
    client, refused = ProbeClient(url, zstd), 0
    with click.progressbar(
        list(files), label="submitting", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as progress:
        for name in progress:
            for source, measurement in _measurements(name):
                try:
                    uid = client.submit(measurement, keep_report_id=keep_report_id)
                except Invalid as exc:
                    refused += 1
                    click.echo(f"{source}: {exc}", err=True)
                else:
                    click.echo(uid or f"{source}: dropped by the service: it names no country or network")
    client.close()
    if refused:
        raise click.ClickException(f"{refused} measurements were refused")


def _measurements(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in read_file(name):
        if not isinstance(entry, Record):
            raise Invalid(f"{entry.source}: {entry.reason}")
        try:
            document = entry.document or orjson.loads(entry.body)
        except orjson.JSONDecodeError as exc:
            raise Invalid(f"{entry.source}: not JSON: {exc}") from exc
        if isinstance(document, dict) and isinstance(document.get("content"), dict) and "format" in document:
            document = document["content"]
        if not isinstance(document, dict):
            raise Invalid(f"{entry.source}: expected a measurement, an object")
        yield entry.source, document

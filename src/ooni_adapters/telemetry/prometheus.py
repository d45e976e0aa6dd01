"""Figures kept by OpenTelemetry and shown in the text format that Prometheus scrapes."""

from collections.abc import Callable, Iterable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

# From the fastest check-in to the time limit of a query, in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

# What strangers can put into a label must not make series without end.
_MOST_LABELS = 100

COUNTED = {
    "receive_measurement_count": "Measurements that were accepted.",
    "measurement_bad_count": "Measurements that were refused or dropped, by reason.",
    "probe_cc_asn_match": "Submissions from addresses in the country and network that their reports name.",
    "probe_cc_asn_nomatch": "Submissions from addresses in another country (cc) or network (asn).",
    "probe_login_requests": "Logins of probes, by outcome; legacy ones are of ids that we did not make.",
    "check_ins": "Check-ins, by software and release.",
    "geoip_ipaddr_found": "Check-ins from addresses whose place is known.",
    "geoip_ipaddr_not_found": "Check-ins from addresses whose place is not known.",
    "geoip_cc_differs": "Check-ins that claim another country than that of their address.",
    "geoip_asn_differs": "Check-ins that claim another network than that of their address.",
}
LEVELS = {
    "check_in_test_list_count": "URLs in the latest answer to a check-in.",
    "test_list_urls_count": "URLs in the latest answer of test-list/urls.",
}


class PrometheusFigures:
    """The figures of one process, from its start; a Tally. Names and labels are those of dashboards that exist.

    Args:
        namespace: what all names begin with.
    """

    def __init__(self, namespace: str = "ooniapi") -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(
            disable_target_info=True, prefix=namespace, scope_info_enabled=False, registry=self._registry
        )
        self._provider = MeterProvider([reader])
        self._meter = self._provider.get_meter("ooni")
        self._durations = self._meter.create_histogram(
            "fn_execution_time", "s", "Time from request to answer.", explicit_bucket_boundaries_advisory=_BUCKETS
        )
        self._answers = self._meter.create_counter("answers", description="Answers by class of status.")
        self._counters = {
            name: self._meter.create_counter(name, description=meaning) for name, meaning in COUNTED.items()
        }
        self._levels = {name: self._meter.create_gauge(name, description=meaning) for name, meaning in LEVELS.items()}
        self._labels: dict[str, set[tuple[str, ...]]] = {name: set() for name in COUNTED}
        self._busy = self._meter.create_up_down_counter("requests_in_progress", description="Requests being answered.")

    def begin(self) -> None:
        """Note that a request is being answered."""
        self._busy.add(1)

    def end(self, name: str, status: int, seconds: float) -> None:
        """Note that it was.

        Args:
            name: of what answered it; few different ones.
            status: HTTP status; 500 when there was no answer at all.
            seconds: how long it took.
        """
        self._busy.add(-1)
        self._durations.record(seconds, {"name": name, "status": "error" if status >= 500 else "success"})
        self._answers.add(1, {"name": name, "code": f"{status // 100}xx"})

    def count(self, name: str, **labels: str) -> None:
        """Note that *name*, one of ``COUNTED``, happened; labels beyond the first hundred are called ``other``."""
        seen, values = self._labels[name], tuple(labels.values())
        if values not in seen:
            if len(seen) >= _MOST_LABELS:
                labels = dict.fromkeys(labels, "other")
            else:
                seen.add(values)
        self._counters[name].add(1, labels)

    def level(self, name: str, value: float) -> None:
        """Note that *name*, one of ``LEVELS``, is at *value*."""
        self._levels[name].set(value)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Show what *read* returns whenever somebody looks."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(read())]

        self._meter.create_observable_gauge(name, [observe], description=description)

    def page(self) -> bytes:
        """Return all figures as text, version 0.0.4 of the format."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Stop keeping figures."""
        self._provider.shutdown()

"""Figures kept by OpenTelemetry and shown in the text format that Prometheus scrapes."""

from collections.abc import Callable, Iterable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

# From the fastest check-in to the time limit of a query, in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class PrometheusFigures:
    """The figures of one process, from its start. Names and labels are those of dashboards that exist.

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

"""The HTTP application over a given catalog, for tests: real handlers, a fixed clock, bodies in a dictionary."""

from datetime import UTC, datetime

from litestar.testing import TestClient

from ooni_core.catalog.service import CatalogService
from ooni_core.catalog.statistics import StatisticsService
from ooni_entrypoints.http import aggregation, discovery, legacy_pages, measurements, one_measurement, private
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.settings import ServiceSettings

NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
HANDLERS = [
    *measurements.handlers,
    *one_measurement.handlers,
    *aggregation.handlers,
    *private.handlers,
    *legacy_pages.handlers,
    discovery.check_report_id,
]


class FixedClock:
    """A clock that stands still."""

    def now(self):
        return NOW


class BodiesByUid:
    """An archive of what it was given."""

    def __init__(self, bodies):
        self.bodies = bodies

    def find(self, measurement_uid, report_id="", input=""):
        return self.bodies.get(measurement_uid)


def application(catalog, bodies=None, base_url="https://api.ooni.io", more=(), cancellable=None):
    use_cases = {
        "catalog": CatalogService(catalog),
        "statistics": StatisticsService(catalog, catalog, FixedClock()),
        "archive": BodiesByUid(bodies or {}),
        "clock": FixedClock(),
        "service_settings": ServiceSettings(base_url=base_url),
    }
    return create_app([*HANDLERS, *more], use_cases, "0", 2**20, cancellable=cancellable)


def client(catalog, bodies=None):
    """A client of the application; enter it before use."""
    return TestClient(application(catalog, bodies), base_url="https://api.ooni.io", raise_server_exceptions=False)

"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings


def pytest_collection_modifyitems(items):
    """Begin with long ones, so that no process is left with one when all others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real measurements and golden results, which is not part of this repository."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("OONI_SHARED_DATA", default)).resolve()
    if not (folder / "README.md").is_file():
        pytest.skip(f"real measurements are not at {folder}; set OONI_SHARED_DATA to their folder")
    return folder


# A busy machine is no failure: how long an example takes is for benchmarks/ to say. And what fails for one fails for all:
# everybody tries the same examples, unless asked to search for others with --hypothesis-profile=search.
_TIMELESS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("search", derandomize=False, **_TIMELESS)
settings.register_profile("ooni", derandomize=True, database=None, **_TIMELESS)
settings.load_profile("ooni")

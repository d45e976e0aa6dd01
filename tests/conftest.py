"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real measurements and golden results, which is not part of this repository."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("OONI_SHARED_DATA", default)).resolve()
    if not (folder / "README.md").is_file():
        pytest.skip(f"real measurements are not at {folder}; set OONI_SHARED_DATA to their folder")
    return folder


# A busy machine is no failure: how long an example takes is for benchmarks/ to say.
settings.register_profile("ooni", deadline=None)
settings.load_profile("ooni")

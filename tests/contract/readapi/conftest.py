"""Engines are started once per test run: what they hold is replaced by each test."""

import pytest

from tests.contract.readapi.stores import open_engine


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """Return a function that opens the engine of that name, once."""
    opened = {}

    def engine(name):
        if name not in opened:
            opened[name] = open_engine(name, tmp_path_factory.mktemp(name))
        return opened[name]

    yield engine
    for found in opened.values():
        found.close()

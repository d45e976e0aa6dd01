"""Unit tests are pure: none of them may open a socket."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    # pytest-socket lifts this again when the test ends.
    disable_socket()

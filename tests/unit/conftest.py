"""Unit tests are pure: none of them may open a socket."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_sockets(socket_enabled: None) -> None:
    disable_socket()
